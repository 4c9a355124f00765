"""Reads tables of an export as users of Python would: python readers.py READER, with jobs as JSON on standard input.

A job has the path of a table, the names and types of its columns as docs/format.md has them, and perhaps a column and a value to
look rows up by. Standard output has a list of rows for each job: timestamps are microseconds since the epoch.
"""

import datetime
import json
import sys
import tempfile
import warnings

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def pandas(engine):
    def read(path, column=None, value=None):
        import pandas

        # pandas 3 says that it will drop fastparquet.
        warnings.filterwarnings("ignore", message="The 'fastparquet' engine is deprecated")
        # fastparquet leaves out row groups alone, so that the rows are filtered once more.
        frame = pandas.read_parquet(path, engine=engine, filters=[(column, "==", value)] if column else None)
        return (frame[frame[column] == value] if column else frame).to_dict("records")

    return read


def polars(path, column=None, value=None):
    import polars

    frame = polars.scan_parquet(path, glob=False)
    return (frame.filter(polars.col(column) == value) if column else frame).collect().to_dicts()


def duckdb(path, column=None, value=None):
    import duckdb

    with duckdb.connect() as db:
        where, values = (f" WHERE {column} = ?", [value]) if column else ("", [])
        rows = db.execute("SELECT * FROM read_parquet(?)" + where, [path, *values])
        names = [c[0] for c in rows.description]
        return [dict(zip(names, row)) for row in rows.fetchall()]


def pyarrow(path, column=None, value=None):
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path, filters=[(column, "==", value)] if column else None).to_pylist()


def datafusion(path, column=None, value=None):
    import datafusion

    frame = datafusion.SessionContext().read_parquet(path)
    return (frame.filter(datafusion.col(column) == datafusion.lit(value)) if column else frame).to_pylist()


def pyiceberg(path, column=None, value=None):
    import pyarrow.parquet
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.expressions import AlwaysTrue, EqualTo

    with tempfile.TemporaryDirectory() as folder:
        catalog = SqlCatalog("test", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
        catalog.create_namespace("export")
        table = catalog.create_table("export.rows", schema=pyarrow.parquet.read_schema(path))
        table.add_files([path])
        rows = table.scan(EqualTo(column, value) if column else AlwaysTrue()).to_arrow().to_pylist()
        catalog.close()
        return rows


def spark(path, column=None, value=None):
    import os
    import time

    from pyspark.sql import SparkSession

    # Timestamps come in the zone of the process, and do not say which it is.
    os.environ["TZ"] = "UTC"
    time.tzset()
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # Spark 3.5 refuses timestamps before 1900 that Spark 2 might have written, unless it is told that it has not.
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    }
    session = SparkSession.builder.master("local[1]").config(map=options).getOrCreate()
    frame = session.read.parquet(path)
    return [row.asDict() for row in (frame.filter(frame[column] == value) if column else frame).collect()]


READERS = {
    "pandas with pyarrow": pandas("pyarrow"),
    "pandas with fastparquet": pandas("fastparquet"),
    "Polars": polars,
    "DuckDB": duckdb,
    "PyArrow": pyarrow,
    "DataFusion": datafusion,
    "PyIceberg": pyiceberg,
    "Spark": spark,
}


def canonical(value, of_type):
    """Returns a value as JSON has it. Readers show nulls as NaN, and numbers and booleans beside nulls as floats."""
    if value is None or value != value:
        return None
    if of_type == "timestamp":
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    return {"string": str, "int32": int, "int64": int, "double": float, "boolean": bool}[of_type](value)


def main():
    read = READERS[sys.argv[1]]
    results = []
    for job in json.load(sys.stdin):
        columns = job["columns"]
        rows = read(job["path"], *job["where"])
        for row in rows:
            if list(row) != [name for name, _ in columns]:
                sys.exit(f"{job['path']} has columns {list(row)}")
        results.append([[canonical(row[name], of_type) for name, of_type in columns] for row in rows])
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
