// Package bucket is the store.Store of a bucket: objects that are written by single requests, and a log that says which of them count.
//
// What is small and replaced, such as the tables of an export, is known by a log: one numbered sequence of entries, each created if its
// number is free, which is the lock of the export as well. docs/buckets.md specifies it. What is large and never replaced, such as blobs and
// shards, lies under its own key, and counts by what the tables say.
package bucket
