// Package verify reads an export back: it compares every stored row with its bytes, and shards with their format. What it
// finds damaged it can also mend, as far as that needs no request: Repair makes the ledger say what is true, so that the
// next run fetches what is lost.
//
// It prints nothing, and changes nothing unless it is told to repair.
package verify
