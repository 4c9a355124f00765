// Package manifest keeps what became of every asset and file: the commit log of Parquet parts, its roll-up, the merge
// into manifest.parquet and files.parquet, and reading all of them back. docs/format.md specifies the files.
//
// Rows are sorted by key everywhere, so that every reading is a merge of a few sorted tables in which a newer row
// replaces older ones of its key, and nothing has to hold the manifest in memory.
//
// Other modules may import it, but can do nothing with it: an export is opened by internal/store, which they cannot. Exports are read from
// outside as docs/format.md says, with any reader of Parquet.
package manifest
