// Command clusters shows what an export costs that many tasks make, by simulation: a thousand tasks and a hundred million pictures take
// seconds. It prints the tables of docs/clusters.md.
//
//	go run ./internal/clusters
//
// Time is passed in. Files are divided as a run divides them, and what a task asks of its bucket is what "exporter plan" says of as many
// pictures. Requests are a fluid: a task gets its share of the API's limit, and no answer is slow by chance.
package main
