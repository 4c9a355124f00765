// Package human puts things into words that people read, on a terminal and elsewhere. It imports nothing of this module.
package human
