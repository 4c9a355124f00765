"use strict";

// Wall shows a list of any length: only what can be seen, and a little more, is in the document. Rows have one height; a row has as many items as fit.

// Browsers do not make anything higher than some 17 to 33 million pixels: what is higher moves faster than the scroll bar.
const highest = 15e6;
// How many rows are asked for at once, and how many such answers are kept.
const chunk = 100;
const mostChunks = 40;

// begin asks for the pictures in an element, and drop asks for them no more.
function begin(element) {
  for (const image of element.querySelectorAll("img[data-src]")) {
    image.src = image.dataset.src;
    image.removeAttribute("data-src");
  }
}
function drop(element) { for (const image of element.querySelectorAll("img")) image.removeAttribute("src"); }

const linksOf = (item) => [...item.querySelectorAll("a")];

// Pictures are asked for once they were in sight for so many milliseconds: whoever scrolls past asks for none.
const restful = 100;

class Wall {
  // options: height of a row and least width of an item (0 for one that takes it all), fetch(from, count, signal), which resolves to { total, all, rows },
  // render(row, index), which returns an element (whose leaves, an AbortController, is told when it goes), counted(total, all), failed(error), first, the index to begin with,
  // and at, the index of the item that gets the focus, on its link of some number.
  constructor(options) {
    Object.assign(this, { at: -1, link: 0 }, options);
    this.space = make("div", { class: "space" });
    this.element = make("div", { class: "wall", tabindex: 0 }, this.space);
    this.total = 0;
    this.known = false;
    this.chunks = new Map();
    this.waiting = new Map();
    this.items = new Map();
    this.element.addEventListener("scroll", () => this.later());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focusin", ({ target }) => {
      const item = target.closest("[data-index]");
      if (item) Object.assign(this, { at: +item.dataset.index, link: linksOf(item).indexOf(target) });
    });
    this.resized = new ResizeObserver(() => this.layout());
  }
  start() {
    this.resized.observe(this.element);
    this.load(Math.floor((this.first ?? 0) / chunk));
    return this.element;
  }
  stop() {
    this.stopped = true;
    this.resized.disconnect();
    clearTimeout(this.timer);
    for (const waiting of this.waiting.values()) waiting.abort();
    for (const item of this.items.values()) this.remove(item);
  }
  later() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      if (!this.stopped) this.show();
    });
  }
  layout() {
    const width = this.element.clientWidth, index = this.index();
    this.columns = this.width ? Math.max(1, Math.floor(width / this.width)) : 1;
    this.itemWidth = width / this.columns;
    this.full = Math.ceil(this.total / this.columns) * this.height;
    this.space.style.height = `${Math.min(this.full, highest)}px`;
    for (const item of this.items.values()) this.remove(item);
    this.items.clear();
    if (index > 0) this.moveTo(index);
    this.show();
  }
  // ratio is how many pixels of the list one of the scroll bar is.
  ratio() {
    const seen = this.element.clientHeight;
    return this.full <= highest ? 1 : (this.full - seen) / (highest - seen);
  }
  // index is that of the first item that is seen.
  index() {
    if (!this.full) return this.first ?? 0;
    return Math.floor(this.element.scrollTop * this.ratio() / this.height) * this.columns;
  }
  moveTo(index) { this.element.scrollTop = Math.floor(index / this.columns) * this.height / this.ratio(); }

  show() {
    if (!this.columns || !this.known) return;
    const seen = this.element.clientHeight, scrolled = this.element.scrollTop, top = scrolled * this.ratio();
    const from = Math.max(0, Math.floor(top / this.height) - 1) * this.columns;
    const to = Math.min(this.total, (Math.ceil((top + seen) / this.height) + 1) * this.columns);
    for (const [index, item] of this.items) if (index < from || index >= to) { this.remove(item); this.items.delete(index); }
    for (let index = from; index < to; index++) this.place(index, top - scrolled);
    const first = Math.floor(from / chunk), last = Math.floor(Math.max(from, to - 1) / chunk);
    for (const [number, waiting] of this.waiting) if (number < first || number > last) { waiting.abort(); this.waiting.delete(number); }
    clearTimeout(this.timer);
    // Whoever scrolls past asks for nothing.
    this.timer = setTimeout(() => { for (let number = first; number <= last && to > from; number++) this.load(number); }, this.waiting.size || this.chunks.size > 1 ? 60 : 0);
  }
  remove(item) {
    drop(item);
    item.leaves?.abort();
    item.remove();
  }
  place(index, shift) {
    const row = this.chunks.get(Math.floor(index / chunk))?.[index % chunk];
    let item = this.items.get(index);
    if (!item || (row && !item.filled)) {
      const next = row ? this.render(row, index) : make("div", {});
      next.filled = !!row;
      next.dataset.index = index;
      if (item) item.replaceWith(next); else this.space.append(next);
      this.items.set(index, item = next);
      item.style.width = `${this.itemWidth}px`;
      item.style.height = `${this.height}px`;
      item.style.left = `${index % this.columns * this.itemWidth}px`;
      if (row) setTimeout(() => { if (next.isConnected) begin(next); }, restful);
      const active = document.activeElement;
      if (index === this.at && row && (active === document.body || this.element.contains(active))) this.grab(item);
    }
    item.style.top = `${Math.floor(index / this.columns) * this.height - shift}px`;
  }
  async load(number) {
    if (this.chunks.has(number)) {
      const rows = this.chunks.get(number);
      this.chunks.delete(number);
      this.chunks.set(number, rows);
      return;
    }
    if (this.waiting.has(number) || this.stopped) return;
    const waiting = new AbortController();
    this.waiting.set(number, waiting);
    try {
      const answer = await this.fetch(number * chunk, chunk, waiting.signal);
      if (waiting.signal.aborted || this.stopped) return;
      this.chunks.set(number, answer.rows);
      if (this.chunks.size > mostChunks) this.chunks.delete(this.chunks.keys().next().value);
      this.count(answer);
      this.show();
    } catch (error) {
      if (!waiting.signal.aborted && !this.stopped) this.failed(error);
    } finally {
      if (this.waiting.get(number) === waiting) this.waiting.delete(number);
    }
  }
  // count takes in how many items there are, and asks again until all are known.
  count({ total, all }) {
    const begins = !this.known;
    this.known = true;
    if (this.total !== total) {
      this.total = total;
      this.layout();
    }
    if (begins && this.first) this.moveTo(this.first);
    this.counted(total, all);
    if (all || this.counting) return;
    this.counting = true;
    setTimeout(async () => {
      this.counting = false;
      if (this.stopped) return;
      try { this.count(await this.fetch(0, 0)); } catch (error) { if (!this.stopped) this.failed(error); }
    }, 300);
  }
  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const inView = Math.max(1, Math.floor(this.element.clientHeight / this.height)) * this.columns;
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, PageDown: inView, PageUp: -inView, Home: -this.total, End: this.total };
    const by = moves[event.key];
    if (by === undefined || !this.total) return;
    if (this.columns === 1 && /Left|Right/.test(event.key)) {
      const item = this.items.get(this.at), link = item && linksOf(item)[this.link + by];
      if (!link) return;
      event.preventDefault();
      return link.focus();
    }
    event.preventDefault();
    const from = this.at >= 0 && this.items.has(this.at) ? this.at : this.index() - (by > 0 && by < this.total ? by : 0);
    this.focus(Math.min(this.total - 1, Math.max(0, from + by)));
  }
  focus(index) {
    this.at = index;
    const row = Math.floor(index / this.columns), top = row * this.height, seen = this.element.clientHeight, ratio = this.ratio();
    const now = this.element.scrollTop * ratio;
    if (top < now) this.element.scrollTop = top / ratio;
    else if (top + this.height > now + seen) this.element.scrollTop = (top + this.height - seen) / ratio;
    this.show();
    this.link = 0;
    this.grab(this.items.get(index));
  }
  // grab puts the focus on an item, or on the link in it that had it.
  grab(item) {
    if (!item) return;
    const links = linksOf(item);
    (links[this.link] ?? links[0] ?? item).focus({ preventScroll: true });
  }
}
