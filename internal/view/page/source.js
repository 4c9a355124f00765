"use strict";

// Where rows and pictures come from: the server of this page, or, in a folder that was written for it, scripts beside it. Both have the same methods;
// rows have the columns of manifest.parquet, files.parquet and pages.parquet.

// The parameters that name an asset, and the columns that they are.
const keyColumns = { file: "file_id", job: "job_id", kind: "kind", page: "page_index", figure: "figure_name", origin: "origin", upstream: "upstream_name" };

function keyOf(row) {
  const key = new URLSearchParams();
  for (const [name, column] of Object.entries(keyColumns)) if (row[column] !== undefined && row[column] !== "") key.set(name, row[column]);
  return key;
}

const gone = (row) => row.expired_at ? "expired" : row.vanished_at ? "vanished" : row.missed_at ? "missed" : "";

class ServerSource {
  takesConditions = true;
  // The parameters of a filter that no field has, and what is said of them.
  chips = { file: "of file", job: "of parse job" };

  async fetch(address, signal) {
    try { return await fetch(address, { signal }); } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error("The server does not answer. Reload this page; if that does not help, start exporter view again, and open the address that it prints: what is behind the # may stay.");
    }
  }
  async ask(path, query, signal) {
    const answer = await this.fetch(`${path}?${query}`, signal);
    if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
    return answer.json();
  }
  about() { return this.ask("api/export", ""); }
  rows(view, filter, from, count, signal) {
    const query = new URLSearchParams(filter);
    query.set("from", from);
    query.set("count", count);
    return this.ask(`api/${view}`, query, signal);
  }
  pages(owner, from, count, signal) { return this.rows("pages", owner, from, count, signal); }
  // ofPage are the parameters that leave the pictures of a page.
  ofPage(page) { return { where: page.page_number ? `page_number = ${page.page_number}` : `page_index = ${page.page_index} and page_number is null` }; }
  picture(key) { return this.ask("api/picture", key); }
  thumb(row, size) { return `thumb?${keyOf(row)}${size ? `&size=${size}` : ""}`; }
  blob(row) { return `blob?${keyOf(row)}`; }
  // shown is the address of a blob as a picture.
  shown(row) { return this.blob(row); }
  // why says of a picture that the browser did not show what is wrong, and isBad that this is its blob: that it is intact is said of what nobody here can
  // decode (415) or is too large for that (413).
  async why(address) {
    const answer = await this.fetch(address);
    return answer.ok ? { text: "the browser cannot show it" } : { text: (await answer.text()).trim(), isBad: ![413, 415].includes(answer.status) };
  }
}

// StaticSource has all rows in memory: the folder says of each asset in "thumb" and "blob" where these are, and why there are none in "why".
class StaticSource {
  takesConditions = false;
  chips = { file: "of file", job: "of parse job", number: "on page", page: "on the page with index" };
  about_ = {};
  assets = [];
  files = [];
  texts = new Map();
  // What is in SVG files, by their names, as base64.
  svgs = new Map();

  about() { return this.about_; }
  addAssets(rows) { for (const row of rows) this.assets.push(row); }
  addFiles(rows) { for (const row of rows) this.files.push(row); }
  addTexts(rows) { for (const row of rows) this.texts.set(this.pageName(row), row); }
  addSVGs(rows) { for (const row of rows) this.svgs.set(row.blob, row.base64); }
  pageName(row) { return JSON.stringify([row.file_id ?? "", row.job_id ?? "", row.page_number]); }

  // check refuses a filter that makes no sense, as the server does.
  check(filter) {
    const sizes = /^[+]?\d{1,18}$/, wrong = (name, want) => { throw new Error(`${name} ${JSON.stringify(filter.get(name))}: want ${want}`); };
    const has = (name) => (filter.get(name) ?? "") !== "";
    if (has("where")) throw new Error("condition: a folder knows none: leave some pictures with --where when it is written, or serve the export with exporter view");
    for (const name of ["min", "max"]) if (has(name) && !sizes.test(filter.get(name))) wrong(name, "a number of bytes");
    const confidence = filter.get("confidence") ?? "";
    if (confidence && !(/^[+]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(confidence) && +confidence <= 1)) wrong("confidence", "a number from 0 to 1");
    const words = { kind: ["screenshot", "figure", "document"], state: ["stored", "skipped", "failed", "gone"], noise: ["yes", "no"] };
    for (const [name, known] of Object.entries(words)) {
      if (has(name) && !known.includes(filter.get(name))) wrong(name, `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`);
    }
    for (const [name, what] of [["page", "the index of a page"], ["number", "the number of a page"]]) if (has(name) && !/^-?\d+$/.test(filter.get(name))) wrong(name, what);
    for (const name of ["text", "name"]) if (new TextEncoder().encode(filter.get(name) ?? "").length > 1000) throw new Error("the text has more than 1000 bytes");
  }
  matches(row, filter) {
    const f = (name) => filter.get(name) ?? "";
    const has = (text, part) => (text ?? "").toLowerCase().includes(part.toLowerCase());
    const state = gone(row) ? "gone" : row.status;
    const size = row.size ?? -1;
    return (!f("kind") || row.kind === f("kind")) && (!f("state") || state === f("state"))
      && (!f("noise") || (row.is_likely_noise === true) === (f("noise") === "yes"))
      && (!f("confidence") || row.confidence >= +f("confidence"))
      && (!f("min") || size >= +f("min")) && (!f("max") || (size >= 0 && size <= +f("max")))
      && (!f("file") || row.file_id === f("file")) && (!f("job") || row.job_id === f("job"))
      && (!f("number") || String(row.page_number) === f("number")) && (!f("page") || (!row.page_number && String(row.page_index) === f("page")))
      && (!f("name") || has(row.display_name, f("name")))
      && (!f("text") || (row.page_number !== undefined && has(this.texts.get(this.pageName(row))?.text, f("text"))));
  }
  // It fails later, and not at once, as the server does.
  async rows(view, filter, from, count) {
    this.check(filter);
    const name = `${view}?${filter}`;
    if (this.lastName !== name) {
      const stateOf = (file) => gone(file) ? "gone" : { complete: "stored", partial: "failed" }[file.status] ?? file.status;
      const wanted = (file) => (!filter.get("state") || stateOf(file) === filter.get("state"))
        && (!filter.get("name") || (file.display_name ?? "").toLowerCase().includes(filter.get("name").toLowerCase()));
      this.last = view === "pictures" ? this.assets.filter((row) => this.matches(row, filter)) : this.files.filter(wanted);
      this.lastName = name;
    }
    return { total: this.last.length, all: true, rows: this.last.slice(from, from + count) };
  }
  isOf(row, owner) { return (row.file_id ?? "") === (owner.get("file") ?? "") && (row.job_id ?? "") === (owner.get("job") ?? ""); }
  // What has a page_number belongs together by it, and what has none by its page_index.
  numberOf(row) { return row.page_number ? `number ${row.page_number}` : `index ${row.page_index}`; }
  pages(owner, from, count) {
    const pages = new Map();
    for (const row of this.assets) {
      if (!this.isOf(row, owner)) continue;
      const name = this.numberOf(row);
      if (!pages.has(name)) pages.set(name, { page_number: row.page_number, page_index: row.page_number ? 0 : row.page_index, screenshots: 0, figures: 0, documents: 0, assets: [] });
      const page = pages.get(name);
      page[`${row.kind}s`]++;
      if (page[`${row.kind}s`] <= 24) page.assets.push(row);
      const text = this.texts.get(this.pageName(row));
      if (text?.width && text?.height) Object.assign(page, { width: text.width, height: text.height });
    }
    const at = (page) => (page.page_number || page.page_index) >>> 0;
    const all = [...pages.values()].sort((a, b) => at(a) - at(b) || (b.page_number ?? 0) - (a.page_number ?? 0));
    return { total: all.length, pages: all.slice(from, from + count), file: this.files.find((file) => this.isOf(file, owner)) };
  }
  ofPage(page) { return page.page_number ? { number: page.page_number } : { page: page.page_index }; }
  picture(key) {
    const asset = this.assets.find((row) => Object.entries(keyColumns).every(([name, column]) => String(row[column] ?? "") === (key.get(name) ?? "")));
    if (!asset) throw new Error("the folder has no such asset");
    const { pages, file } = this.pages(key, 0, Infinity);
    return { asset, file, page: pages.find((page) => this.numberOf(page) === this.numberOf(asset)), text: this.texts.get(this.pageName(asset))?.text };
  }
  thumb(row) { return row.thumb; }
  blob(row) { return row.blob; }
  // SVG is a picture alone, which runs no script; its file is none that a browser opens.
  shown(row) {
    if (row.media_type !== "image/svg+xml") return row.blob;
    return this.svgs.has(row.blob) ? `data:image/svg+xml;base64,${this.svgs.get(row.blob)}` : undefined;
  }
  // A page that is no server's cannot see which it is.
  async why() { return { text: "the browser cannot show it, or it is not beside this page any more", isBad: true }; }
}

// The scripts of a folder call its methods.
const source = document.querySelector("script[src^='data/']") ? new StaticSource() : new ServerSource();
