// Package filelist keeps what the listings of a source have, for many runs to take it in place of listing the source once more.
//
// A list is lines of JSON in one zstd stream: what it is of, then each listing with its files and how it came to its end, then how many there were. It is
// written and read as a stream, in memory that does not grow with it. A list that is cut short or was changed is never taken for a complete
// one. docs/format.md describes it.
package filelist
