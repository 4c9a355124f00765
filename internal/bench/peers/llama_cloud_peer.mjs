// Lists a directory and fetches its pictures with the official client, each into a file. Arguments: the base URL, the directory, the folder, and how
// many files at once: with one, it is a plain loop.

import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [base, directory, to, files, packages] = process.argv.slice(2);
const entry = createRequire(join(packages, 'package.json')).resolve('@llamaindex/llama-cloud');
const { default: LlamaCloud } = await import(pathToFileURL(entry).href);
const client = new (LlamaCloud.default ?? LlamaCloud)({ baseURL: base });
const images = client.pipelines.images;

const list = async (id) => [
  ...(await images.listPageScreenshots(id)).map((shot) => () => images.getPageScreenshot(shot.page_index, { id })),
  ...(await images.listPageFigures(id)).map((f) => () => images.getPageFigure(f.figure_name, { id, page_index: f.page_index })),
];

const ids = [];
for await (const entry of client.beta.directories.files.list(directory)) ids.push(entry.file_id);
const each = (await list(ids[0])).length;
let next = 0;

async function work() {
  while (next < ids.length) {
    const number = next++;
    let blob = number * each;
    for (const fetch of await list(ids[number])) {
      const response = await fetch().asResponse();
      await writeFile(join(to, `${String(blob++).padStart(7, '0')}.jpg`), Buffer.from(await response.arrayBuffer()));
    }
  }
}

await Promise.all(Array.from({ length: Number(files) }, work));
