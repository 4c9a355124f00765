"use strict";

// The views: documents, pictures, one document and one picture. The address says which, and with which filter: "#/pictures?kind=figure".

// make returns an element. Texts become text, whatever is in them.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== "").map((child) => typeof child === "number" ? String(child) : child));
  return element;
}

const main = document.getElementById("main"), form = document.getElementById("filter"), counter = document.getElementById("count"), subject = document.getElementById("of");
let about, wall, leave;

// What is seen of a list when it is left, by its address.
const seen = new Map();

function parseAddress() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: path || "documents", query: new URLSearchParams(query) };
}
const address = (view, query) => `#/${view}${[...query].length ? `?${query}` : ""}`;

// Pictures.

const decoded = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp"]);
const shownByBrowsers = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/avif", "image/svg+xml"]);
const large = 1024;
// Pictures of so many bytes at most are shown in place of thumbnails that nobody can make of them.
const mostInPlace = 2 << 20;

// picture returns what can be shown of an asset: a picture, for begin to ask for, or why there is none.
function picture(row, size) {
  if (row.status !== "stored") return note(row.status === "failed" ? `failed: ${row.reason ?? ""}` : `left out: ${row.reason ?? ""}`, row.status === "failed");
  if (row.why) return note(row.why, true);
  const thumb = decoded.has(row.media_type) ? source.thumb(row, size) : undefined, blob = shownByBrowsers.has(row.media_type) ? source.shown(row) : undefined;
  // Browsers do not turn WebP as its EXIF says.
  const isTurned = row.media_type === "image/webp" && row.orientation > 1;
  const from = size && !isTurned ? blob ?? thumb : thumb ?? blob;
  if (!from) return note(typeAndSize(row));
  const image = make("img", { "data-src": from, alt: plain(title(row)), decoding: "async", draggable: "false", fetchpriority: size ? undefined : "low" });
  let address = from;
  image.addEventListener("error", async () => {
    let why;
    try { why = await source.why(address); } catch (error) { why = { text: error.message, isBad: true }; }
    if (!why.isBad && address === thumb && blob && row.size <= mostInPlace) {
      if (image.isConnected) image.src = address = blob;
      return;
    }
    const instead = why.isBad ? note(why.text, true) : Object.assign(note(typeAndSize(row)), { title: plain(why.text) });
    image.parentElement?.classList.contains("sized") ? image.parentElement.replaceWith(instead) : image.replaceWith(instead);
  });
  return image;
}
const typeAndSize = (row) => `${row.media_type ?? "of an unknown type"}, ${bytes(row.size ?? 0)}`;
const note = (text, isBad) => make("span", { class: isBad ? "note bad" : "note" }, bdi(text, 300));

// pageOf names the page of a row: it says page_index where the API does not say which page that is.
const pageOf = (row) => row.page_number ? `page ${row.page_number}` : `page_index ${row.page_index}`;

function title(row) {
  const page = row.page_index === -1 || row.page_index === undefined ? "" : pageOf(row);
  const name = row.figure_name || row.upstream_name || "";
  return [row.kind === "figure" ? name || "figure" : row.kind === "document" ? "document" : name && row.origin !== "file" ? name : "", page].filter(Boolean).join(", ");
}

const nameOf = (row) => row?.display_name || row?.file_id || row?.job_id || row?.directory_file_id || "";

function badges(row) {
  const all = [];
  if (row.is_likely_noise) all.push(make("span", { class: "badge noise" }, "noise"));
  if (gone(row)) all.push(make("span", { class: "badge gone" }, gone(row)));
  return all;
}

const isSame = (a, b) => String(keyOf(a)) === String(keyOf(b));
const pictureAddress = (row, extra) => {
  const key = keyOf(row);
  for (const [name, value] of Object.entries(extra ?? {})) key.set(name, value);
  return address("picture", key);
};

function tile(row, extra) {
  return make("a", { class: "tile", href: pictureAddress(row, extra), title: plain(row.caption || row.display_name || "") },
    make("div", { class: "frame" }, picture(row), ...badges(row)),
    make("p", {}, bdi(title(row), 80)),
    make("p", { class: "dim" }, bdi(nameOf(row), 80)));
}

// boxed returns a page with the places of some of its figures.
function boxed(page, current) {
  const sheet = page?.assets.find((row) => row.kind === "screenshot");
  if (!sheet) return undefined;
  const image = picture(sheet, large);
  if (image.tagName !== "IMG") return image;
  const around = make("div", { class: "sized" }, image);
  for (const row of page.assets) {
    if (row.bbox_width === undefined || !page.width || !page.height) continue;
    const percent = (value, of) => `${Math.min(100, Math.max(0, 100 * value / of))}%`;
    const box = make("i", { class: current && isSame(row, current) ? "this" : "", title: plain(title(row)) });
    Object.assign(box.style, {
      left: percent(row.bbox_x, page.width), top: percent(row.bbox_y, page.height),
      width: percent(row.bbox_width, page.width), height: percent(row.bbox_height, page.height),
    });
    around.append(box);
  }
  return around;
}

// Views. Each fills main, and returns what is to be done when it is left.

function showList(options, hash) {
  const now = wall = new Wall({
    ...seen.get(hash),
    counted: (total, all) => { counter.value = many(total, options.of, all); if (!total && all) message(options.empty()); },
    failed: (error) => { now.stop(); fail(error); },
    ...options,
  });
  main.replaceChildren(now.start());
  return () => {
    if (!now.stopped) seen.set(hash, { first: now.index(), at: now.at, link: now.link });
    now.stop();
  };
}

// notice says above all views what is not as it should be, in lines, of which each stays until the page is loaded again.
function notice(text) {
  const bar = document.getElementById("notice");
  for (const line of (text ?? "").split("\n").map((line) => plain(line, 2000))) {
    if (line && ![...bar.children].some((said) => said.textContent === line)) bar.append(make("span", {}, line));
  }
  bar.hidden = !bar.children.length;
}
function message(text) { main.replaceChildren(make("p", { class: "message", role: "status" }, plain(text, 2000))); }
function fail(error) { counter.value = ""; message(error.message); }

function showPictures(query, hash) {
  return showList({
    of: "picture", height: 214, empty: () => nothing(query, "picture", source.chips), width: matchMedia("(max-width: 800px)").matches ? 150 : 190,
    fetch: (from, n, signal) => source.rows("pictures", query, from, n, signal),
    render: (row, index) => tile(row, { at: index, list: query.toString() }),
  }, hash);
}

function showDocuments(query, hash) {
  return showList({
    of: "document", height: 96, width: 0, empty: () => nothing(query, "document"),
    fetch: (from, n, signal) => source.rows("documents", query, from, n, signal),
    render: (file) => {
      const owner = ownerOf(file), frame = make("div", { class: "frame" }), leaves = new AbortController();
      showFirst(frame, owner, leaves.signal);
      const item = make("a", { class: "document", href: address("document", owner) }, frame, make("div", {},
        make("p", {}, bdi(nameOf(file) || "?", 200)),
        make("p", { class: file.status === "failed" || file.status === "partial" ? "bad" : "dim" }, [gone(file) || file.status, file.error].filter(Boolean).map((text) => plain(text)).join(": ")),
        make("p", { class: "dim" }, [many(file.screenshots ?? 0, "screenshot"), many(file.figures ?? 0, "figure"),
          file.failed ? `${count(file.failed)} failed` : "", file.skipped ? `${count(file.skipped)} left out` : "", bytes(file.bytes ?? 0)].filter(Boolean).join(" · "))));
      return Object.assign(item, { leaves });
    },
  }, hash);
}

function ownerOf(row) {
  const owner = new URLSearchParams();
  if (row.file_id) owner.set("file", row.file_id);
  if (row.job_id) owner.set("job", row.job_id);
  return owner;
}

// showFirst puts the first page of a document into a frame, once it has been in sight for a moment.
function showFirst(frame, owner, signal) {
  setTimeout(async () => {
    if (signal.aborted) return;
    if (![...owner].length) return frame.replaceChildren(note("no pictures"));
    try {
      const { pages } = await source.pages(owner, 0, 1, signal);
      const row = pages[0]?.assets.find((asset) => asset.kind === "screenshot") ?? pages[0]?.assets[0];
      if (!signal.aborted) frame.replaceChildren(row ? picture(row) : note("no pictures"));
      begin(frame);
    } catch (error) { if (!signal.aborted) frame.replaceChildren(note(error.message, true)); }
  }, 80);
}

function showDocument(query, hash) {
  const isNarrow = matchMedia("(max-width: 800px)").matches;
  let row;
  return showList({
    of: "page", height: isNarrow ? 230 : 320, width: 0, empty: () => without(row, ownerOf({ file_id: query.get("file"), job_id: query.get("job") })),
    fetch: async (from, n, signal) => {
      // The server gives twenty pages at a time.
      const answer = { total: 0, all: true, rows: [] };
      do {
        const { total, pages, file, notice: said } = await source.pages(query, from + answer.rows.length, Math.min(20, n - answer.rows.length), signal);
        answer.total = total;
        if (said) notice(said);
        answer.rows.push(...pages);
        row = file;
        if (file) named(nameOf(file));
        if (!pages.length) break;
      } while (answer.rows.length < n && from + answer.rows.length < answer.total);
      return answer;
    },
    render: (page) => {
      const sheet = page.assets.find((row) => row.kind === "screenshot"), others = page.assets.filter((row) => row !== sheet);
      const more = page.figures - page.assets.filter((row) => row.kind === "figure").length;
      const owner = new URLSearchParams(query);
      for (const [name, value] of Object.entries(source.ofPage(page))) owner.set(name, value);
      return make("section", { class: "page", tabindex: -1 },
        make("div", { class: "sheet" },
          make(sheet ? "a" : "div", { class: "frame", href: sheet && pictureAddress(sheet) }, sheet ? boxed(page) ?? picture(sheet) : note("no screenshot"), ...(sheet ? badges(sheet) : [])),
          make("p", { class: "dim" }, page.page_index === -1 ? "no page" : pageOf(page))),
        make("div", { class: "figures" }, ...others.map((row) => tile(row)),
          more > 0 ? make("a", { href: address("pictures", owner), class: "message" }, `${count(more)} more`) : ""));
    },
  }, hash);
}

// named says what is shown: a document, or a picture.
function named(text) {
  document.title = `${plain(text, 80)} – ${plain(about.name, 80)}`;
  subject.replaceChildren(bdi(text, 200));
}

function showPicture(query) {
  const at = query.has("at") ? +query.get("at") : undefined, list = new URLSearchParams(query.get("list") ?? "");
  let left = false, shown, beside = [];
  main.replaceChildren(make("p", { class: "message" }, "…"));
  const fill = ({ asset, page, text, markdown, file, notice: said }) => {
    if (left) return;
    if (said) notice(said);
    named(title(asset));
    const frame = make("div", { class: "frame" }, asset.kind === "screenshot" ? boxed(page) ?? picture(asset, large) : picture(asset, large), ...badges(asset));
    const facts = make("dl", {});
    for (const [name, value] of Object.entries(asset)) {
      if (name === "thumb" || name === "blob" || name === "why") continue;
      facts.append(make("dt", {}, name), make("dd", {}, bdi(typeof value === "object" ? JSON.stringify(value) : value, 5000)));
    }
    const owner = ownerOf(asset), others = (page?.assets ?? []).filter((row) => !isSame(row, asset));
    // The page comes first, then what is on it.
    shown = asset;
    beside = (page?.assets ?? []).toSorted((a, b) => (b.kind === "screenshot") - (a.kind === "screenshot"));
    const steps = make("p", { class: "steps" },
      make("a", { href: address("document", owner) }, "document"),
      asset.status === "stored" && source.blob(asset) ? make("a", { href: source.blob(asset), target: "_blank", rel: "noopener noreferrer" }, "as it is stored") : "",
      make("a", { href: pictureAddress(asset) }, "link to this"));
    const sheet = asset.kind === "figure" ? boxed(page, asset) : undefined;
    main.replaceChildren(make("div", { class: "picture", tabindex: 0 }, frame,
      make("div", { class: "sheet" }, sheet ? make("div", { class: "frame" }, sheet) : "", ...others.filter((row) => row.kind === "figure").slice(0, 12).map((row) => make("p", {}, make("a", { href: pictureAddress(row) }, bdi(title(row), 100))))),
      make("div", {}, make("h2", {}, bdi(file?.display_name || nameOf(asset), 3000)), steps, facts,
        text ?? markdown ? make("pre", { dir: "auto" }, lines(text ?? markdown)) : "")));
    begin(main);
    main.firstElementChild.focus();
  };
  Promise.resolve().then(() => source.picture(query)).then(fill).catch((error) => { if (!left) fail(error); });
  // Those of a list are in its order; others, in that of their page.
  const step = async (by) => {
    const here = at ?? beside.findIndex((row) => shown && isSame(row, shown));
    if (here < 0 || here + by < 0) return;
    try {
      const row = at === undefined ? beside[here + by] : (await source.rows("pictures", list, at + by, 1)).rows[0];
      if (row && !left) replace(pictureAddress(row, at === undefined ? {} : { at: at + by, list: list.toString() }));
    } catch (error) { if (!left) fail(error); }
  };
  const key = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || /INPUT|SELECT/.test(event.target.tagName)) return;
    if (event.key === "ArrowRight" || event.key === "j") step(1);
    if (event.key === "ArrowLeft" || event.key === "k") step(-1);
    if (event.key === "Escape") back(at === undefined ? address("document", ownerOf({ file_id: query.get("file"), job_id: query.get("job") })) : address("pictures", list));
  };
  addEventListener("keydown", key);
  return () => { left = true; removeEventListener("keydown", key); drop(main); };
}
// The filter.

const controls = {
  kind: ["kind", { "": "all kinds", screenshot: "screenshots", figure: "figures", document: "documents" }],
  state: ["state", { "": "any state", stored: "stored", skipped: "left out", failed: "failed", gone: "gone upstream" }],
  noise: ["noise", { "": "noise or not", yes: "likely noise", no: "no noise" }],
};

// fillForm shows the filter of an address. Where somebody types it, fields are left as they are.
function fillForm(view, query, isTyped) {
  form.hidden = view !== "pictures" && view !== "documents";
  if (form.hidden) return;
  const select = (name) => make("select", { name, "aria-label": controls[name][0] }, ...Object.entries(controls[name][1]).map(([value, text]) => make("option", { value }, text)));
  const input = (name, attributes) => make("input", { name, "aria-label": attributes.placeholder, ...attributes });
  if (form.dataset.view !== view) {
    form.dataset.view = view;
    const name = input("name", { type: "search", placeholder: "name of the file", size: 14 });
    form.replaceChildren(...(view === "documents" ? [select("state"), name] : [
      select("kind"), select("state"), select("noise"),
      input("confidence", { type: "number", min: 0, max: 1, step: "any", placeholder: "confidence ≥" }),
      input("min", { type: "number", min: 0, placeholder: "bytes ≥" }), input("max", { type: "number", min: 0, placeholder: "bytes ≤" }),
      name, about.text ? input("text", { type: "search", placeholder: "text of the page", size: 14 }) : "",
      source.takesConditions ? input("where", { type: "search", placeholder: "condition: width > 1000 and label = 'chart'" }) : "",
    ]));
  }
  if (!isTyped) for (const field of form.elements) field.value = query.get(field.name) ?? "";
  for (const chip of form.querySelectorAll(".chip")) chip.remove();
  for (const [name, text] of Object.entries(source.chips)) {
    if (view !== "pictures" || !query.get(name)) continue;
    const without = new URLSearchParams(query);
    without.delete(name);
    form.append(make("a", { class: "chip", href: address(view, without), title: "show those of others, too" }, `${text} `, bdi(query.get(name), 40), " ×"));
  }
}

let typed, tried;
// untype forgets what was typed, and is not shown yet.
function untype() {
  clearTimeout(typed);
  tried?.abort();
}
form.addEventListener("input", (event) => {
  untype();
  typed = setTimeout(async () => {
    const wrong = [...form.elements].find((field) => !field.checkValidity());
    if (wrong) {
      counter.value = `${wrong.placeholder}: ${wrong.validationMessage}`;
      if (wrong === event.target) wrong.reportValidity();
      return;
    }
    const query = new URLSearchParams();
    for (const field of form.elements) if (field.value) query.set(field.name, field.value);
    const { view, query: before } = parseAddress();
    for (const name of Object.keys(source.chips)) if (before.has(name)) query.set(name, before.get(name));
    // Of a filter that is refused, the list stays as it is.
    const { signal } = tried = new AbortController();
    try { await source.rows(view, query, 0, 0, signal); } catch (error) {
      if (!signal.aborted) counter.value = plain(error.message, 300);
      return;
    }
    if (!signal.aborted) replace(address(view, query), true);
  }, 300);
});
form.addEventListener("submit", (event) => event.preventDefault());

// Putting it together.

const views = { pictures: showPictures, documents: showDocuments, document: showDocument, picture: showPicture };

// depth is how many addresses of this page come before that which is shown. It is kept with each in the history.
let depth = -1;

function show(isTyped) {
  const { view, query } = parseAddress(), hash = location.hash;
  depth = history.state?.depth ?? depth + 1;
  history.replaceState({ depth }, "");
  leave?.();
  leave = wall = undefined;
  for (const link of document.querySelectorAll("nav a")) link.dataset.view === view ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  document.title = plain(about.name, 80);
  subject.replaceChildren();
  counter.value = "";
  fillForm(view, query, isTyped);
  if (!Object.hasOwn(views, view)) return message("There is no such view.");
  leave = views[view](query, hash);
}

// replace shows an address in place of this one.
function replace(to, isTyped) {
  history.replaceState({ depth }, "", to);
  show(isTyped);
}

// back shows what was shown before. Where that was another site, it leads to an address of this page.
function back(otherwise) { depth > 0 ? history.back() : replace(otherwise); }

addEventListener("hashchange", () => { untype(); show(); });
addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || /INPUT|SELECT/.test(event.target.tagName)) return;
  if (event.key === "/") {
    event.preventDefault();
    const focus = () => form.querySelector("[name=text], [name=name]").focus();
    if (!form.hidden) return focus();
    addEventListener("hashchange", focus, { once: true });
    location.assign("#/pictures");
  }
  if (event.key === "d") location.assign("#/documents");
  if (event.key === "p") location.assign("#/pictures");
  if (event.key === "Escape" && parseAddress().view === "document") back("#/documents");
  if (wall && !wall.stopped && /^(Arrow|Page|Home|End)/.test(event.key) && !wall.element.contains(event.target)) wall.key(event);
});

(async () => {
  try {
    about = await source.about();
    notice(about.notice);
    // Of a path, its end says most.
    const name = document.getElementById("name");
    name.title = plain(about.name, 2000);
    name.replaceChildren(bdi(about.name.replace(/[/\\]+$/, "").split(/[/\\]/).pop() || about.name, 100));
    show();
  } catch (error) { fail(error); }
})();
