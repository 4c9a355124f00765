// Package s3 is a bucket of an object store that speaks the protocol of Amazon S3.
//
// Each method is one request over net/http, or one for every thousand keys; what signs it, and what knows where credentials come from, is
// minio-go's. Its client is not used: it waits after each failure, rewrites what a lost connection said, and keeps the dates of answers
// to itself. A body has a length that is known, and a sum that the store compares; nothing is put in parts. Package net/http repeats a
// read whose connection broke before an answer began, and never a write.
package s3
