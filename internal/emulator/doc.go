// Package emulator is a LlamaCloud on loopback: an http.Handler that serves the files, page screenshots, figures, attachments
// and parse jobs of a Corpus, and the directories, indexes, pipelines, projects and batches that lead to them, as the API
// would. It checks the key, pages with opaque cursors, and applies every filter. It can limit the rate, throttle at random, add
// latency and inject faults by seed, and lead to a storage origin. It serves `exporter demo` and `exporter emulate`, and is the
// oracle of the tests, which is why it shares no code with the client.
//
// A Corpus is recorded (LoadCorpus), computed (Synthetic) or built by hand (NewCorpus). What was recorded is served with
// its key order, its spelling of numbers and timestamps, and its nulls untouched. Write operations change the Corpus in
// memory only; what they change shows in later listings.
//
// Each directory also serves as a pipeline of the same id, so that the listing of pipeline files has something to show.
package emulator
