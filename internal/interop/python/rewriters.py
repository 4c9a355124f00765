"""Rewrites a table as users of Python would: python rewriters.py WRITER TABLE TARGET COLUMN..., sorted by the columns."""

import sys


def duckdb(table, target, key):
    import duckdb

    order = ", ".join(f"{column} NULLS FIRST" for column in key)
    target = target.replace("'", "''")
    duckdb.execute(f"COPY (FROM read_parquet(?) ORDER BY {order}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)", [table])


def pyarrow(table, target, key):
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.parquet.read_table(table), target)


def polars(table, target, key):
    import polars

    polars.read_parquet(table, glob=False).write_parquet(target)


def datafusion(table, target, key):
    import datafusion

    context = datafusion.SessionContext()
    order = [datafusion.col(column).sort(nulls_first=True) for column in key]
    context.read_parquet(table).sort(*order).write_parquet(target)


def pandas(**options):
    def rewrite(table, target, key):
        import pandas

        pandas.read_parquet(table, **options).to_parquet(target, index=False)

    return rewrite


WRITERS = {
    "DuckDB": duckdb,
    "PyArrow": pyarrow,
    "Polars": polars,
    "DataFusion": datafusion,
    "pandas": pandas(),
    "pandas with dtype_backend": pandas(dtype_backend="pyarrow"),
}

if __name__ == "__main__":
    writer, table, target, *key = sys.argv[1:]
    WRITERS[writer](table, target, key)
