"""Fetches blobs as people do by hand, each into a file. Arguments: the library, a list of URLs, the folder, and how many threads."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

library, urls, to, threads = sys.argv[1:]
threads = int(threads)
key = {"Authorization": "Bearer " + os.environ["LLAMA_CLOUD_API_KEY"]}

if library == "requests":
    import requests

    own = threading.local()

    def get(url):
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.headers.update(key)
        return own.session.get(url)
else:
    import httpx

    client = httpx.Client(headers=key, limits=httpx.Limits(max_connections=threads, max_keepalive_connections=threads), timeout=60)
    get = client.get


def fetch(numbered):
    number, url = numbered
    response = get(url)
    response.raise_for_status()
    with open(os.path.join(to, f"{number:07d}.jpg"), "wb") as file:
        file.write(response.content)


with open(urls) as lines, ThreadPoolExecutor(threads) as pool:
    for _ in pool.map(fetch, enumerate(lines.read().split())):
        pass
