//go:build !linux

package testmain

const memory = ""

func hasRoom(string) bool { return false }
