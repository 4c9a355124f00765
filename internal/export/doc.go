// Package export is one run of an export, from opening it to the report: what cmd/exporter does apart from flags, printing and
// exit codes.
//
// Run brings an export up to date, Plan says what Run would do, Remove takes files out of an export, and Verify, FirstStored and
// Cat read one. A configuration comes in and data goes out: a Report, a PlanReport, an Extent, Counts. Beside these, a run tells
// of itself in a log, and lets a Watcher show how far it is.
//
// The rules of the room:
//   - It wires, and decides what a run may do to an export: the stages are those of package pipeline, blobs those of package sinks,
//     tables those of package manifest, and where all of it lives is package store's.
//   - Nothing is printed, and no exit code is known. What ends a run is an error whose type says what it is.
//   - Nothing is written before the settings have been found good, and nothing is left behind where nothing was exported.
//   - What a run would refuse, a person may accept by a ForceKind. What was accepted is logged, and stands in the report.
package export
