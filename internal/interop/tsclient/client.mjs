// Drives the emulator with the official TypeScript client, and compares what it gets with the recorded corpus.
//
// Environment: BASE_URL and KEY of the emulator, DIRECTORY_ID of the directory to work in, CORPUS the folder that the
// emulator serves. Prints one line of JSON, or says what is wrong and exits with 1.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import LlamaCloud, { toFile } from '@llamaindex/llama-cloud';

const { BASE_URL: baseURL, KEY: apiKey, DIRECTORY_ID: directory, CORPUS: corpus } = process.env;
for (const [name, value] of Object.entries({ BASE_URL: baseURL, KEY: apiKey, DIRECTORY_ID: directory, CORPUS: corpus })) {
  assert.ok(value, `${name} is not set`);
}

const client = new LlamaCloud({ baseURL, apiKey, maxRetries: 0 });
const files = client.beta.directories.files;
const images = client.pipelines.images;
const summary = {};

async function collect(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}

const ids = (items) => items.map((item) => item.id).sort();
const json = async (...path) => JSON.parse(await readFile(join(corpus, ...path), 'utf8'));
const folders = async (...path) =>
  (await readdir(join(corpus, ...path), { withFileTypes: true })).filter((e) => e.isDirectory()).map((e) => e.name);
const recorded = async (dir) => Promise.all((await folders(dir)).map((file) => json(dir, file, 'file.json')));

async function list() {
  const want = await recorded(directory);
  const got = await collect(files.list(directory, { include_deleted: true, page_size: 2 }));
  assert.deepEqual(got, want, 'all files, two a page');
  const living = want.filter((f) => !f.deleted_at);
  assert.deepEqual(await collect(files.list(directory)), living, 'files that are not deleted');
  summary.listed = got.length;
  return living;
}

async function filters(living) {
  const one = living.find((f) => f.file_id);
  const check = async (query, keep) =>
    assert.deepEqual(ids(await collect(files.list(directory, query))), ids(living.filter(keep)), JSON.stringify(query));
  const word = one.display_name.slice(1, 4);
  await check({ display_name: one.display_name }, (f) => f.display_name === one.display_name);
  const shouted = word.replace(/[a-z]/g, (c) => c.toUpperCase());
  await check({ display_name_contains: shouted }, (f) =>
    f.display_name.toLowerCase().includes(word.toLowerCase()));
  await check({ unique_id: one.unique_id }, (f) => f.unique_id === one.unique_id);
  await check({ file_id: one.file_id }, (f) => f.file_id === one.file_id);
  await check({ updated_at_on_or_after: one.updated_at }, (f) => f.updated_at >= one.updated_at);
  await check({ updated_at_on_or_before: one.updated_at }, (f) => f.updated_at <= one.updated_at);
  await check({ project_id: one.project_id }, () => true);
}

async function expand(living) {
  for (const file of living) {
    const { download_url: url, ...rest } = await files.get(file.id, { directory_id: directory, expand: ['download_url'] });
    assert.deepEqual(rest, file, `get ${file.id}`);
    assert.equal(url === null, !file.file_id, `download_url of ${file.id}`);
    if (url) assert.ok(url.url.startsWith(baseURL) && Date.parse(url.expires_at) > Date.now(), url.url);
  }
  const expanded = await collect(files.list(directory, { expand: ['download_url'] }));
  assert.ok(expanded.every((f) => 'download_url' in f), 'list does not expand download_url');
}

// The typed methods take the images for JSON or text; asResponse gives the bytes.
async function compare(request, path) {
  const response = await request.asResponse();
  const [got, want] = [Buffer.from(await response.arrayBuffer()), await readFile(path)];
  assert.ok(got.equals(want), `${path}: ${got.length} bytes differ from the ${want.length} recorded`);
  assert.equal(response.headers.get('content-length'), String(want.length), path);
  summary.blobs += 1;
  summary.bytes += want.length;
}

async function download(living) {
  summary.blobs = summary.bytes = 0;
  for (const { id: entry, file_id: id } of living) {
    if (!id) continue;
    const folder = join(corpus, directory, entry);
    const screenshots = await images.listPageScreenshots(id);
    assert.deepEqual(screenshots, await json(directory, entry, 'page_screenshots.json'), 'page_screenshots of ' + entry);
    for (const { page_index: page } of screenshots) {
      await compare(images.getPageScreenshot(page, { id }), join(folder, 'page_screenshots', `${page}.jpg`));
    }
    const figures = await images.listPageFigures(id);
    assert.deepEqual(figures, await json(directory, entry, 'page-figures.json'), 'page-figures of ' + entry);
    for (const { page_index: page, figure_name: name } of figures) {
      const path = join(folder, 'page-figures', String(page), encodeURIComponent(name));
      await compare(images.getPageFigure(name, { id, page_index: page }), path);
    }
  }
  assert.ok(summary.blobs > 0, 'the directory has no blobs to compare');
}

async function otherListings(living) {
  const everything = (await Promise.all((await folders()).map(recorded))).flat();
  const want = [...new Set(everything.map((f) => f.file_id).filter(Boolean))].sort();
  assert.deepEqual(ids(await collect(client.files.list({ page_size: 2 }))), want, 'files of the project');
  const pipeline = await collect(client.pipelines.files.list(directory, { limit: 2 }));
  assert.deepEqual(ids(pipeline), ids(living), 'files of the pipeline');
  summary.project = want.length;
  summary.pipeline = pipeline.length;
}

async function change(living) {
  const before = living.find((f) => f.file_id);
  const added = await files.add(directory, {
    file_id: before.file_id, display_name: 'Added <é>.pdf', unique_id: 'added', metadata: { n: 1.5, tags: ['x', 'y'] },
  });
  assert.deepEqual(await collect(files.list(directory, { unique_id: 'added' })), [added], 'the file that was added');
  assert.deepEqual(added.metadata, { n: 1.5, tags: ['x', 'y'] });

  const at = { directory_id: directory };
  const updated = await files.update(added.id, { ...at, display_name: 'Renamed', metadata: { k: true } });
  assert.equal(updated.display_name, 'Renamed');
  assert.deepEqual(updated.metadata, { k: true });
  assert.ok(updated.updated_at > added.updated_at, `updated_at ${updated.updated_at} after ${added.updated_at}`);
  assert.deepEqual(await files.get(added.id, at), updated, 'the file that was updated');

  await files.delete(added.id, at);
  assert.deepEqual(await collect(files.list(directory, { unique_id: 'added' })), [], 'the file that was deleted');
  const [deleted] = await collect(files.list(directory, { unique_id: 'added', include_deleted: true }));
  assert.ok(deleted?.deleted_at, 'deleted_at is not set');
  summary.changed = added.id;
}

async function move() {
  const target = (await folders()).find((name) => name !== directory);
  assert.ok(target, 'the corpus has no second directory');
  const added = await files.add(directory, { file_id: (await recorded(directory)).find((f) => f.file_id).file_id });
  const moved = await files.update(added.id, { directory_id: directory, target_directory_id: target });
  assert.equal(moved.directory_id, target);
  assert.deepEqual(await files.get(added.id, { directory_id: target }), moved, 'the file that was moved');
  await assert.rejects(files.get(added.id, { directory_id: directory }), LlamaCloud.NotFoundError);
  await files.delete(added.id, { directory_id: target });
}

async function upload() {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 251));
  const uploaded = await files.upload(directory, {
    upload_file: await toFile(bytes, 'Größe.pdf'), unique_id: 'uploaded', metadata: JSON.stringify({ from: 'client' }),
  });
  assert.equal(uploaded.display_name, 'Größe.pdf');
  assert.deepEqual(uploaded.metadata, { from: 'client' });
  assert.deepEqual(await collect(files.list(directory, { unique_id: 'uploaded' })), [uploaded], 'the upload');
  assert.deepEqual(await images.listPageScreenshots(uploaded.file_id), []);
  assert.deepEqual(await images.listPageFigures(uploaded.file_id), []);
  const expanded = await files.get(uploaded.id, { directory_id: directory, expand: ['download_url'] });
  const response = await fetch(expanded.download_url.url);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes), 'the upload comes back with other bytes');
  assert.ok((await collect(client.files.list({ file_ids: [uploaded.file_id] }))).length === 1, 'the upload is no file');
  await files.delete(uploaded.id, { directory_id: directory });
  summary.uploaded = bytes.length;
}

async function errors() {
  const stranger = new LlamaCloud({ baseURL, apiKey: apiKey + 'x', maxRetries: 0 });
  await assert.rejects(stranger.beta.directories.files.list(directory), LlamaCloud.AuthenticationError);
  await assert.rejects(files.list('no-such-directory'), LlamaCloud.NotFoundError);
  await assert.rejects(files.list(directory, { project_id: '00000000-0000-4000-8000-000000000000' }), LlamaCloud.NotFoundError);
  await assert.rejects(files.add(directory, { file_id: 'no-such-file' }), LlamaCloud.NotFoundError);
  await assert.rejects(files.list(directory, { page_size: 1001 }), (err) => {
    assert.ok(err instanceof LlamaCloud.UnprocessableEntityError, String(err));
    assert.deepEqual(err.error.detail[0].loc, ['query', 'page_size']);
    return true;
  });
}

try {
  const living = await list();
  await filters(living);
  await expand(living);
  await download(living);
  await otherListings(living);
  await change(living);
  await move();
  await upload();
  await errors();
  console.log(JSON.stringify(summary));
} catch (err) {
  console.error(`${err.message}\n${err.stack}`);
  process.exit(1);
}
