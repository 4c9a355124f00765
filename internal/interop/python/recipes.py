"""Runs recipes of docs/datasets.md: python recipes.py, with JSON on standard input, in the folder that the dataset `ds` is in.

"rows" are what the tables of the export say of the pictures of each configuration, and "recipes" have a name, the code, and perhaps code before it.
What the code leaves behind is compared with the rows by the function of its name.
"""

import hashlib
import json
import sys
from types import SimpleNamespace



def check(want, got):
    want, got = sorted(want, key=repr), sorted(got, key=repr)
    if want != got or not want:
        sys.exit(f"{len(got)} pictures, want {len(want)}: {got[:3]}, want {want[:3]}")


def sizes(rows):
    return [(row["file_id"], row["page_index"], row["width"], row["height"]) for row in rows]


def size_of(row, picture):
    return (row["file_id"], row["page_index"], *picture.size)


def sums(rows):
    return [(row["file_id"], row["page_index"], row["sha256"]) for row in rows]


def sum_of(row, data):
    return (row["file_id"], row["page_index"], hashlib.sha256(data).hexdigest())


def hugging_face(of, pages, figures):
    check(sizes(pages), [size_of(row, row["image"]) for row in of["pages"]])
    check(sizes(figures), [size_of(row, row["image"]) for row in of["figures"]])


def pytorch(of, pages, figures):
    check(sizes(pages), [size_of(row, row["image"]) for batch in of["loader"] for row in batch])


def polars(of, pages, figures):
    rows = of["large"].to_dicts()
    check([s for s in sizes(figures) if s[2] >= 100], [size_of(*pair) for pair in zip(rows, of["pictures"])])


def pyarrow(of, pages, figures):
    want = [(row["file_id"], row["width"], row["height"]) for row in pages if row["page_index"] == 0]
    check(want, [tuple(row.values()) for row in of["sizes"].to_pylist()])


def duckdb(of, pages, figures):
    want = {}
    for row in pages:
        count, size = want.get(row["file_id"], (0, 0))
        want[row["file_id"]] = count + 1, size + row["size"]
    check([(file_id, *counts) for file_id, counts in want.items()], of["documents"])


def ray(of, pages, figures):
    check(sums(pages), [sum_of(row, row["image"]["bytes"]) for row in of["pages"].take_all()])


def daft(of, pages, figures):
    pictures = of["pictures"].to_pylist()
    check([(row["file_id"], (row["height"], row["width"])) for row in pages], [(p["file_id"], p["picture"].shape[:2]) for p in pictures])


def litdata(of, pages, figures):
    check(sums(pages), [sum_of(row, row["image"]["bytes"]) for row in of["pages"]])


def croissant(of, pages, figures):
    rows = [{name.rpartition("/")[2]: value for name, value in record.items()} for record in of["pages"]]
    want = [(row["page_index"], row["width"], row["height"]) for row in pages]
    check(want, [(int(row["page_index"]), *row["image"].size) for row in rows])


def webdataset(of, pages, figures):
    check(sizes(pages), [size_of(columns, picture) for _, picture, columns in of["pages"]])


def files(of, pages, figures):
    check(sizes(figures), [size_of(*pair) for pair in zip(of["rows"], of["pictures"])])


def nodes(pages, figures):
    """Returns nodes of a retriever: of all pictures, and of one that nobody knows."""
    metadata = [{name: row[name] for name in ("file_id", "page_index", "figure_name") if row[name] is not None} for row in pages + figures]
    return [SimpleNamespace(metadata=m) for m in metadata + [{"file_id": "unknown", "page_index": 0}]]


def llamaindex(of, pages, figures):
    check(sums(pages + figures), [sum_of(row, row["bytes"]) for row in of["pictures"].to_dict("records")])


def main():
    # What libraries print is no name of a recipe.
    output, sys.stdout = sys.stdout, sys.stderr
    given = json.load(sys.stdin)
    pages, figures = given["rows"]["pages"], given["rows"]["figures"]
    for recipe in given["recipes"]:
        namespace = {"retrieved": nodes(pages, figures)}
        exec(compile(recipe["code"], recipe["name"], "exec"), namespace)
        globals()[recipe["name"].lower().replace(" ", "_")](namespace, pages, figures)
        print(recipe["name"], file=output)


if __name__ == "__main__":
    main()
