"""Prints a line of JSON for each stored blob of an export, finished or not, and checks its SHA-256: python reader.py OUT

It needs pyarrow and zstandard, and nothing but what format.md says.
"""

import hashlib
import json
import math
import pathlib
import sys

import pyarrow.parquet
import zstandard

KEY = ["file_id", "job_id", "kind", "page_index", "figure_name", "origin", "upstream_name"]


def tables(out):
    """Yields the tables of assets that count, newest first."""
    manifest = out / "manifest.parquet"
    base = pyarrow.parquet.ParquetFile(manifest) if manifest.exists() else None
    through = int((base.metadata.metadata or {}).get(b"exporter.through", 0)) if base else 0
    contained = math.inf
    for name in sorted((out / ".exporter/parts").glob("*.assets.parquet"), reverse=True):
        if through < int(name.name[:8]) < contained:
            part = pyarrow.parquet.ParquetFile(name)
            contained = int(part.metadata.metadata[b"exporter.from"])
            yield part
    if base:
        yield base


def blob(out, row):
    """Returns the bytes of a stored asset."""
    if row["file_name"] is not None:
        return (out / row["file_name"]).read_bytes()
    sealed = out / row["shard"]
    with open(sealed if sealed.exists() else f"{sealed}.partial", "rb") as shard:
        if row["frame_offset"] is None:
            shard.seek(row["member_offset"])
            return shard.read(row["size"])
        shard.seek(row["frame_offset"])
        frame = zstandard.ZstdDecompressor().decompressobj().decompress(shard.read(row["frame_size"]))
    start = row["member_offset"] - row["frame_start"]
    return frame[start : start + row["size"]]


out, seen = pathlib.Path(sys.argv[1]), set()
for row in (row for table in tables(out) for row in table.read().to_pylist()):
    key = tuple(row[column] for column in KEY)
    if key not in seen and row["status"] == "stored":
        digest = hashlib.sha256(blob(out, row)).hexdigest()
        if digest != row["sha256"]:
            sys.exit(f"{key} has the SHA-256 {digest}, want {row['sha256']}")
        print(json.dumps({**dict(zip(KEY, key)), "sha256": digest, "size": row["size"]}))
    seen.add(key)
