// Package interop has no code of its own. Its tests read what exporter writes with programs and libraries that exporter
// is not built with: DuckDB, Apache Arrow, what users of Python read tables and shards with, GNU tar, bsdtar, the zstd program, a
// POSIX shell, curl and the official clients of Python and TypeScript. What they have to find is taken from docs/format.md and from the
// corpus that was exported. Prometheus and node_exporter read what a run measures. Toxiproxy stands between exporter and the API where connections have to fail.
// Object stores that others wrote hold exports; tools/stores says which. Slurm, Snakemake, GNU parallel and Ray run the files of deploy/.
//
// It is a module of its own, so that what only these tests need is not required of those who build exporter. The tests
// run the program itself. Packages of Python go to a virtual environment that is removed in the end, or to the one that
// EXPORTER_TEST_VENV names and that stays. A tool that is missing fails them, and the message names its Debian package.
package interop
