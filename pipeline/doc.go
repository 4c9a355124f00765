// Package pipeline is the heart of exporter: the stages that list files, fan out to every screenshot and figure, decide
// what to fetch, fetch it, store it and record it; and the types that flow between them.
//
// It declares the interfaces that it consumes (Source, Sink, Ledger, Observer) and imports nothing else of this module.
// It never learns what HTTP, TOML, tar, Parquet or a terminal is.
//
// It may be imported by other modules, with sources, sinks and ledgers of their own. What it exports may change with every version: only the
// command line, the configuration and docs/format.md are promised.
package pipeline
