"""Prints the SHA-256, size and name of each member of shards: python shards.py READER SHARD..."""

import hashlib
import shlex
import sys
import tarfile
import warnings


def with_tarfile(shard):
    import zstandard

    with open(shard, "rb") as compressed:
        plain = zstandard.ZstdDecompressor().stream_reader(compressed, read_across_frames=True)
        with tarfile.open(fileobj=plain if shard.endswith(".zst") else compressed, mode="r|") as tar:
            for member in tar:
                yield member.name, tar.extractfile(member).read()


def with_webdataset(shard):
    import webdataset

    # webdataset has no zstd of its own.
    url = f"pipe:zstd -dcq {shlex.quote(shard)}" if shard.endswith(".zst") else shard
    for sample in webdataset.WebDataset(url, shardshuffle=False, empty_check=False):
        for extension, data in sample.items():
            if not extension.startswith("__"):
                yield f"{sample['__key__']}.{extension}", data


READERS = {"tarfile": with_tarfile, "webdataset": with_webdataset}

if __name__ == "__main__":
    for shard in sys.argv[2:]:
        for name, data in READERS[sys.argv[1]](shard):
            print(hashlib.sha256(data).hexdigest(), len(data), name)
