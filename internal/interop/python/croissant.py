"""Reads a dataset by its Croissant description: python croissant.py PATH/croissant.json [RECORD_SET]

Each line of standard output is a record in JSON: of a picture its format, size and the SHA-256 of its pixels, of a time its microseconds since
the epoch. Names of fields are without that of their record set, which "record_set" has. What mlcroissant warns of, or finds wrong, is
on standard error; an error ends the program.
"""

import datetime
import hashlib
import json
import math
import os
import sys

import mlcroissant


def plain(value):
    """Returns what JSON has for a value of a record."""
    import numpy
    from PIL import Image

    if isinstance(value, Image.Image):
        pixels = hashlib.sha256(value.convert("RGBA").tobytes()).hexdigest()
        return {"format": value.format, "width": value.width, "height": value.height, "pixels": pixels}
    if isinstance(value, datetime.datetime):
        since = value.astimezone(datetime.timezone.utc) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return since // datetime.timedelta(microseconds=1)
    if isinstance(value, numpy.generic):
        return plain(value.item())
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, dict):
        return {short(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def short(name):
    return name.rpartition("/")[2]


def main(path, *only):
    # It reads files relative to its description, wherever that is read from.
    folder, name = os.path.split(os.path.abspath(path))
    os.chdir(folder)
    # What it prints of its progress is no record.
    output, sys.stdout = sys.stdout, sys.stderr
    dataset = mlcroissant.Dataset(jsonld=name)
    for record_set in dataset.metadata.record_sets:
        if only and record_set.id not in only:
            continue
        for record in dataset.records(record_set=record_set.id):
            print(json.dumps({"record_set": record_set.id, **plain(record)}), file=output)


if __name__ == "__main__":
    main(*sys.argv[1:])
