"""Makes shards of a folder of pictures as webdataset does. Arguments: the folder, and where to."""

import os
import sys

import webdataset

source, to = sys.argv[1:]
os.makedirs(to)
with webdataset.ShardWriter(os.path.join(to, "%05d.tar"), maxcount=10**9, maxsize=5 * 10**8, verbose=0) as writer:
    number = 0
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as picture:
                content = picture.read()
            writer.write({"__key__": f"{number:09d}", "jpg": content, "json": {"file_name": os.path.join(folder, name), "size": len(content)}})
            number += 1
