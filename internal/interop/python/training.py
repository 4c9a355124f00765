"""Reads training data as users of Python would: python training.py, with jobs as JSON on standard input.

A job has a reader, the folder of a dataset, a configuration and its splits; "decode" is false where the pictures are none that can be decoded. Standard
output has a line of JSON for each row: the number of its job, its split, the SHA-256 of the picture's bytes, the width and height that it is decoded
to, the path or key that it comes with, and the other columns by their names. What a reader does not give is null. Timestamps are ISO 8601.
"""

import datetime
import glob
import hashlib
import io
import json
import os
import sys


class ByCard:
    """What the library datasets has to know. The configuration of pages is the one that it takes by itself."""

    def __init__(self, folder, config, split):
        self.folder, self.config, self.split = folder, None if config == "pages" else config, split

    def load(self, **how):
        import datasets

        datasets.disable_progress_bars()
        return datasets.load_dataset(self.folder, self.config, split=self.split, **how)

    def load_cached(self):
        return self.load(cache_dir=os.environ["TRAINING_CACHE"])


def without_picture(row, column):
    columns = row.pop("json", row)
    for name in ("__url__", "__key__", column):
        columns.pop(name, None)
    return columns


def with_datasets(card, decode):
    """Reads all three forms, by the card."""
    import datasets

    loaded = card.load_cached()
    column = "jpg" if "jpg" in loaded.features else "image"
    if not isinstance(loaded.features[column], datasets.Image):
        sys.exit(f"the pictures are {loaded.features[column]}")
    raw = loaded.cast_column(column, datasets.Image(decode=False))
    # What is not decoded is passed over once more, for its bytes.
    for row, decoded in zip(raw, loaded.select_columns([column]) if decode else raw):
        stored = row[column]
        # A file is read where it is; the bytes of others come with the row.
        data = stored["bytes"] or open(stored["path"], "rb").read()
        yield data, decoded[column].size if decode else None, stored["path"], without_picture(row, column)


def with_streaming(card, decode):
    """Reads as with_datasets does, without a cache."""
    for row in card.load(streaming=True):
        column = "jpg" if "jpg" in row else "image"
        yield None, row[column].size, None, without_picture(row, column)


def with_torch(card, decode):
    """Reads Parquet as the card says, in several processes."""
    from torch.utils.data import DataLoader

    shards = card.load_cached().to_iterable_dataset(num_shards=2)
    for row in DataLoader(shards, batch_size=None, num_workers=2):
        yield None, row["image"].size, None, without_picture(row, "image")


def with_webdataset(path, decode):
    import webdataset

    for sample in webdataset.WebDataset(tars(path), shardshuffle=False, empty_check=False):
        data = sample["jpg"]
        yield data, decoded_size(data, decode), sample["__key__"], json.loads(sample["json"])


def with_duckdb(path, decode):
    import duckdb

    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        rows = db.execute("SELECT * FROM read_parquet(?)", [os.path.join(path, "*.parquet")])
        names = [c[0] for c in rows.description]
        for row in rows.fetchall():
            yield in_parquet(dict(zip(names, row)), decode)


def with_polars(path, decode):
    import polars

    for row in polars.scan_parquet(path).collect().iter_rows(named=True):
        yield in_parquet(row, decode)


def with_pyarrow(path, decode):
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(path).to_pylist():
        yield in_parquet(row, decode)


def with_daft(path, decode):
    import daft

    for row in daft.read_parquet(os.path.join(path, "*.parquet")).to_pylist():
        yield in_parquet(row, decode)


def with_ray(path, decode):
    start_ray()
    import ray

    for row in ray.data.read_parquet(path).take_all():
        yield in_parquet(row, decode)


def with_ray_webdataset(path, decode):
    start_ray()
    import ray

    # Its own decoder makes arrays that cannot be in one column where pictures are grey and in colours.
    for row in ray.data.read_webdataset(tars(path), decoder=None).take_all():
        yield row["jpg"], decoded_size(row["jpg"], decode), row["__key__"], json.loads(row["json"])


def start_ray():
    import ray

    if not ray.is_initialized():
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")


def with_litdata(path, decode):
    import litdata

    # It writes an index beside the files.
    litdata.index_parquet_dataset(path)
    for row in litdata.StreamingDataset(path, item_loader=litdata.streaming.item_loader.ParquetLoader()):
        yield in_parquet(row, decode)


def with_files(path, decode):
    """Reads a folder of pictures without any library of datasets."""
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(os.path.join(path, "metadata.parquet")).to_pylist():
        name = row.pop("file_name")
        with open(os.path.join(path, name), "rb") as file:
            data = file.read()
        yield data, decoded_size(data, decode), name, row


def tars(path):
    return sorted(glob.glob(os.path.join(path, "*.tar")))


def in_parquet(row, decode):
    stored = row.pop("image")
    return stored["bytes"], decoded_size(stored["bytes"], decode), stored["path"], row


def decoded_size(data, decode):
    import PIL.Image

    if not decode:
        return None
    with PIL.Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.size


BY_CARD = {"datasets": with_datasets, "streaming": with_streaming, "torch": with_torch}

BY_FOLDER = {
    "webdataset": with_webdataset,
    "duckdb": with_duckdb,
    "polars": with_polars,
    "pyarrow": with_pyarrow,
    "daft": with_daft,
    "ray": with_ray,
    "ray webdataset": with_ray_webdataset,
    "litdata": with_litdata,
    "files": with_files,
}


def read(reader, folder, config, split, decode):
    if reader in BY_CARD:
        return BY_CARD[reader](ByCard(folder, config, split), decode)
    return BY_FOLDER[reader](os.path.join(folder, config, split), decode)


def plain(value):
    """Returns a timestamp as JSON has it, and a list of a library as one."""
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} is no JSON")


def main():
    # What libraries print is no row.
    output, sys.stdout = sys.stdout, sys.stderr
    for number, job in enumerate(json.load(sys.stdin)):
        for split in job["splits"]:
            for data, size, name, columns in read(job["reader"], job["folder"], job["config"], split, job["decode"]):
                digest = data and hashlib.sha256(data).hexdigest()
                line = {"job": number, "split": split, "sha256": digest, "decoded": size, "name": name, "columns": columns}
                print(json.dumps(line, default=plain), file=output)


if __name__ == "__main__":
    main()
