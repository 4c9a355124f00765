// Package parts divides the files of an export among many tasks.
//
// An export in parts has a file parts.json, which is made once and never changes, and a folder parts/ in which each part is an export of
// its own: parts/part=0003/. What else lies in parts/ is an export that was moved there. The part of a file follows from its id, the number of
// parts and a salt alone, so that no task needs to know of another. docs/format.md has the layout, and docs/clusters.md says how it is used.
package parts
