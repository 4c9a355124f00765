"""Prints what a reader makes of a table in a bucket, by endpoint override: bucket.py READER s3://BUCKET/KEY"""

import json
import os
import sys

COLUMNS = ["file_id", "kind", "page_index", "figure_name", "status", "sha256", "size", "file_name"]
ENDPOINT = os.environ["AWS_ENDPOINT_URL_S3"]
KEY, SECRET, REGION = (os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"))


def polars(url):
    import polars

    options = {"aws_endpoint_url": ENDPOINT, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": REGION, "aws_allow_http": "true"}
    return polars.scan_parquet(url, storage_options=options).select(COLUMNS).collect().rows()


def pyarrow(url):
    import pyarrow.fs
    import pyarrow.parquet

    s3 = pyarrow.fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=ENDPOINT, region=REGION)
    table = pyarrow.parquet.read_table(url.removeprefix("s3://"), columns=COLUMNS, filesystem=s3)
    return [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()]


def text(value):
    return value.hex() if isinstance(value, bytes) else value


reader = {"Polars": polars, "PyArrow": pyarrow}[sys.argv[1]]
print(json.dumps([[text(value) for value in row] for row in reader(sys.argv[2])]))
