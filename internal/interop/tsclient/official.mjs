// Drives an API with the official TypeScript client, and keeps every answer as a constant of the type that the client
// declares for it: a compiler says whether the types describe it to the last field.
//
//   read FILE.ts   prints a JSON line for every picture, document and page that the client lists, then adds, updates, uploads and
//                  deletes directory files, and writes all answers to the file
//   fetch          fetches the screenshots that are named on standard input, a JSON array of [file, page], and prints a line for
//                  each: the SHA-256, or null where the client raised an error
//   typed          prints of one screenshot the type that the client returns, the SHA-256 of that, and that of the bytes
//
// The environment has BASE_URL and KEY.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import LlamaCloud, { APIError, NotFoundError, toFile } from '@llamaindex/llama-cloud';

let body;
const client = new LlamaCloud({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.KEY,
  maxRetries: 0,
  fetch: async (url, init) => {
    const response = await fetch(url, init);
    if (response.headers.get('content-type') === 'application/json') body = await response.clone().text();
    return response;
  },
});

const constants = [];

// Fields of the API that are newer than the client's types.
const newer = { 'beta.indexes.list': 'sync_in_progress', 'beta.indexes.get': 'sync_in_progress' };

// Fields that may be absent by the types, and are null in recordings.
const nullable = ['metadata', 'custom_metadata', 'is_likely_noise'];
const absent = (name, value) => (value === null && nullable.includes(name) ? undefined : value);

// Keeps a body as a constant of the type of what a method answers.
function keep(method, value, member = '') {
  for (const item of [value].flat()) delete item[newer[method]];
  const type = method.split('.').map((name) => `['${name}']`).join('');
  const json = JSON.stringify(value, absent);
  constants.push(`export const a${constants.length}: Awaited<ReturnType<LlamaCloud${type}>>${member} = ${json};`);
}

async function one(method, ...args) {
  const names = method.split('.');
  const last = names.pop();
  const answer = await names.reduce((object, name) => object[name], client)[last](...args);
  keep(method, JSON.parse(body));
  return answer;
}

// Returns the items of all pages that the client's own paginator walks.
async function all(method, ...args) {
  const names = method.split('.');
  const last = names.pop();
  const items = [];
  for await (const page of (await names.reduce((object, name) => object[name], client)[last](...args)).iterPages()) {
    const member = 'files' in page ? 'files' : 'items';
    keep(method, JSON.parse(body)[member], `['${member}']`);
    assert.deepEqual(page.getPaginatedItems(), JSON.parse(body)[member], method);
    items.push(...page.getPaginatedItems());
  }
  return items;
}

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const bytes = async (response) => Buffer.from(await response.arrayBuffer());
const print = (value) => console.log(JSON.stringify(value));

async function download(link) {
  const response = await fetch(link);
  assert.ok(response.ok, link);
  return digest(await bytes(response));
}

// The typed methods take the images for JSON or text; asResponse gives the bytes.
const blob = async (request) => digest(await bytes(await request.asResponse()));

function row(kind, page, name, sha256, file_id = null, job_id = null) {
  print({ file_id, job_id, kind, page, name, sha256 });
}

// The page, counted from 1, that the name of an attachment or of an image of a parse job tells.
function pageNumber(name) {
  const counted = /page_(\d+)/.exec(name);
  return counted ? Number(counted[1]) : Number(/^img_p(\d+)/.exec(name)[1]) + 1;
}

async function readPlaces() {
  const projects = await all('v2Projects.list', { page_size: 1 });
  assert.deepEqual((await one('projects.list')).map((p) => p.id).sort(), projects.map((p) => p.id).sort());
  const entries = [];
  for (const directory of await all('beta.directories.list', { page_size: 1 })) {
    assert.deepEqual(await one('beta.directories.get', directory.id), directory);
    const query = { include_deleted: true, page_size: 2 };
    const listed = await all('beta.directories.files.list', directory.id, query);
    await all('beta.directories.files.list', directory.id, { ...query, expand: ['download_url'] });
    for (const entry of listed) {
      assert.deepEqual(await one('beta.directories.files.get', entry.id, { directory_id: directory.id }), entry);
    }
    entries.push(...listed);
  }
  const v1 = (await one('pipelines.list')).map((p) => p.id);
  for (const pipeline of await all('pipelines.listPaginated', { page_size: 1 })) {
    assert.ok(v1.includes(pipeline.id), pipeline.id);
    await all('pipelines.files.list', pipeline.id, { limit: 2 });
  }
  for (const index of await all('beta.indexes.list', { page_size: 1 })) {
    await one('beta.indexes.get', index.id, { expand: ['sync_in_progress'] });
  }
  return entries;
}

async function readFiles() {
  for (const { id } of await all('files.list', { page_size: 2, expand: ['download_url'] })) {
    await one('files.retrieve', id, { expand: ['download_url'] });
    try {
      row('document', -1, null, await download((await one('files.content', id)).url), id);
    } catch (err) {
      if (!(err instanceof NotFoundError)) throw err;
    }
    const images = client.pipelines.images;
    for (const { page_index: page } of await one('pipelines.images.listPageScreenshots', id)) {
      row('screenshot', page, null, await blob(images.getPageScreenshot(page, { id })), id);
    }
    for (const { page_index: page, figure_name: name } of await one('pipelines.images.listPageFigures', id)) {
      row('figure', page, name, await blob(images.getPageFigure(name, { id, page_index: page })), id);
    }
  }
}

// The client has no method for attachments: its untyped one has no paginator.
async function readAttachments(entries) {
  const path = '/api/v1/beta/attachments';
  for (const { id: source_id, file_id } of entries) {
    for (let page_token; page_token !== null; ) {
      const { items, next_page_token } = await client.get(path, { query: { source_id, page_size: 2, page_token } });
      for (const { name } of items) {
        const { url } = await client.get(`${path}/${encodeURIComponent(name)}`, { query: { source_id } });
        row('screenshot', pageNumber(name), name, await download(url), file_id);
      }
      page_token = next_page_token;
    }
  }
}

async function readJobs(entries) {
  const files = Object.fromEntries(entries.map((e) => [e.id, e.file_id]));
  const fileOf = {};
  for (const { id } of await all('batches.list', { page_size: 1 })) {
    for (const result of (await one('batches.get', id, { expand: ['results'] })).results) {
      if (result.job_reference) fileOf[result.job_reference.id] = files[result.source_directory_file_id];
    }
  }
  const expand = [
    'text', 'markdown', 'items', 'metadata', 'forms', 'usage', 'text_full', 'markdown_full', 'raw_parameters', 'job_metadata',
    'images_content_metadata', 'text_content_metadata', 'markdown_content_metadata', 'items_content_metadata',
    'metadata_content_metadata', 'forms_content_metadata', 'raw_words_content_metadata', 'xlsx_content_metadata',
    'output_pdf_content_metadata',
  ];
  for (const { id } of await all('parsing.list', { page_size: 2 })) {
    const job = await one('parsing.get', id, { expand });
    for (const field of expand) await one('parsing.get', id, { expand: [field] });
    for (const { presigned_url: link, size_bytes: size } of Object.values(job.result_content_metadata ?? {})) {
      assert.equal((await bytes(await fetch(link))).length, size, `a result of ${id}`);
    }
    const file_id = fileOf[id] ?? null;
    for (const { filename, category, presigned_url: link } of job.images_content_metadata.images) {
      row(category === 'screenshot' ? 'screenshot' : 'figure', pageNumber(filename), filename, await download(link), file_id, id);
    }
    job.text.pages.forEach(({ page_number: page, text }, i) => {
      const { items, page_width: width, page_height: height, error } = job.items.pages[i];
      print({ file_id, job_id: id, page, text, markdown: job.markdown.pages[i].markdown, items, width, height, error });
    });
  }
}

async function change(entries) {
  const { directory_id, file_id } = entries.find((e) => e.file_id);
  const metadata = { n: 1.5, tags: ['x'] };
  const added = await one('beta.directories.files.add', directory_id, { file_id, unique_id: 'typed', metadata });
  await one('beta.directories.files.update', added.id, { directory_id, display_name: 'Renamed', metadata: { k: true } });
  await client.beta.directories.files.delete(added.id, { directory_id });
  const upload_file = await toFile(Buffer.from('%PDF-1.7'), 'Größe.pdf');
  const uploaded = await one('beta.directories.files.upload', directory_id, { upload_file, metadata: '{"from":"client"}' });
  await client.beta.directories.files.delete(uploaded.id, { directory_id });
}

async function read(file) {
  const entries = await readPlaces();
  await readFiles();
  await readAttachments(entries);
  await readJobs(entries);
  await change(entries);
  await writeFile(file, `import type { LlamaCloud } from '@llamaindex/llama-cloud';\n${constants.join('\n')}\n`);
}

async function fetchAll() {
  for (const [id, page] of JSON.parse(await readFile('/dev/stdin', 'utf8'))) {
    try {
      print(await blob(client.pipelines.images.getPageScreenshot(page, { id })));
    } catch (err) {
      // What breaks off later than the headers is an error of fetch, not of the client.
      if (!(err instanceof APIError || err instanceof TypeError)) throw err;
      print(null);
    }
  }
}

async function typed() {
  const images = client.pipelines.images;
  for await (const { id } of client.files.list()) {
    const [first] = await images.listPageScreenshots(id);
    if (!first) continue;
    const got = await images.getPageScreenshot(first.page_index, { id });
    print({ type: typeof got, typed: digest(got), bytes: await blob(images.getPageScreenshot(first.page_index, { id })) });
    return;
  }
}

const [command, file] = process.argv.slice(2);
await { read, fetch: fetchAll, typed }[command](file);
