package main

// forbidCoreDumps does nothing: Go ends a program that crashes by itself, so that Windows writes no dump of it, unless
// GOTRACEBACK is wer.
func forbidCoreDumps() error { return nil }
