// Package whole reads an export in parts as one export.
//
// Open is how every reader opens an export: where it is in parts, the tables that were merged of them are those of the export, and where there are
// none, they are merged for this reader alone. A Survey says how the parts are. Nothing here writes to an export.
package whole
