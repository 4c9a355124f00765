"""Lists a directory and fetches its pictures with the official client, each into a file. Arguments: the base URL, the directory, the folder, and how
many threads: with one, it is a plain loop."""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

from llama_cloud import LlamaCloud

warnings.simplefilter("ignore", DeprecationWarning)
base, directory, to, threads = sys.argv[1:]
client = LlamaCloud(base_url=base)
images = client.pipelines.images


def pictures(file):
    for shot in images.list_page_screenshots(file):
        yield lambda: images.with_raw_response.get_page_screenshot(shot.page_index, id=file)
    for figure in images.list_page_figures(file):
        yield lambda: images.with_raw_response.get_page_figure(figure.figure_name, id=file, page_index=figure.page_index)


def export(numbered):
    number, file = numbered
    for i, fetch in enumerate(pictures(file)):
        with open(os.path.join(to, f"{number * each + i:07d}.jpg"), "wb") as picture:
            picture.write(fetch().read())


files = [entry.file_id for entry in client.beta.directories.files.list(directory)]
each = len(images.list_page_screenshots(files[0])) + len(images.list_page_figures(files[0]))
with ThreadPoolExecutor(int(threads)) as pool:
    for _ in pool.map(export, enumerate(files)):
        pass
