// Package sample holds a small corpus for demonstrations: invented documents, laid out as a recording of the API. Every page
// and figure was drawn by tools/drawsample, which is no part of the program.
//
// The corpus has an example of most things that the API may answer: a document that is deleted softly, one without a
// file, one without figures and one without screenshots; names in several scripts; metadata of every shape; figures that
// are noise, are not, or of which nobody knows; pictures whose names claim another format than they have.
package sample

import (
	"embed"
	"io/fs"
)

//go:generate go -C ../../../tools run ./drawsample -out ../internal/emulator/sample/corpus

// corpus is only read.
//
//go:embed all:corpus
var corpus embed.FS

// FS returns the corpus: at its root are SHA256SUMS, STATS.json and a folder for each directory. It is read-only and
// safe for concurrent use.
func FS() fs.FS {
	root, err := fs.Sub(corpus, "corpus")
	if err != nil {
		panic("sample: " + err.Error()) // the name is a constant and valid
	}
	return root
}
