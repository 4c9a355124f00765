// Package place knows which text names which store: the path of a directory, or the URL of a bucket.
//
// It is the one room that chooses between the kinds of stores. A URL of a kind that it does not know is never taken for the path of a
// directory.
package place
