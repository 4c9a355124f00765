// Package sinks holds the places where blobs go: local files, and zstd tar shards. docs/format.md specifies both.
//
// A sink implements pipeline.Sink over a store.Store, builds every path with the functions of names.go, and passes the
// conformance suite in suite_test.go.
//
// Other modules may import it, but can do nothing with it: it needs a store of internal/store, which they cannot open.
package sinks
