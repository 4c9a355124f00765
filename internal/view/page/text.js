"use strict";

// Texts: what is from outside made harmless, numbers, and why a list is empty.

// plain makes visible what a text would do to the text around it, and cuts it off.
function plain(value, most = 300) {
  let text = String(value ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (c) => c === "\n" || c === "\t" ? " " : `\u27e8${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
  if (text.length > most) text = `${text.slice(0, most)}…`;
  return text;
}
const bdi = (value, most) => make("bdi", {}, plain(value, most));

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit ? n.toFixed(1) : n} ${units[unit]}`;
}
const count = (n) => n.toLocaleString("en");
const many = (n, noun, all = true) => `${count(n)}${all ? "" : "+"} ${noun}${n === 1 && all ? "" : "s"}`;

// lines is plain of a text of many lines.
const lines = (text) => text.split("\n").map((line) => plain(line, 5000)).join("\n").slice(0, 200000);

// nothing says why a list is empty: nothing is left by its filter, or nothing is there without one.
function nothing(query, of, chips = {}) {
  const isSet = (name) => (query.get(name) ?? "") !== "";
  if ([...query.keys()].some((name) => isSet(name) && !Object.hasOwn(chips, name))) return "Nothing is like this.";
  return Object.keys(chips).some(isSet) ? `This document has no ${of}s.` : `The export has no ${of}s.`;
}

// without says why a document has no picture, as far as its row tells.
function without(file, owner) {
  if (![...owner].length) return "This document has no pictures: it has no file_id, by which they would be asked for.";
  if (!file) return "The export has no such document (any more).";
  const all = [], asked = [file.screenshots, file.figures, file.documents].some((n) => n !== undefined), error = file.error ? ` (${file.error})` : "";
  if (file.status === "failed") all.push(`This document has no pictures: they could not be listed${error}. The next run asks again.`);
  else if (file.status === "skipped") all.push(`This document has no pictures: it was left out${error}.`);
  else if (!asked) all.push(`This document has no pictures: none were asked for${error}.`);
  else {
    all.push(`This document has no pictures: none were listed${file.asked_at ? ` when they were asked for last, ${file.asked_at.slice(0, 16).replace("T", " ")} UTC` : ""}${error}.`);
    if (!gone(file)) all.push("If it is still to be parsed, they come with a later run.");
  }
  if (gone(file)) all.push(`It is not listed upstream any more (${gone(file)}).`);
  return all.join(" ");
}
