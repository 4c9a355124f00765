// Package llamacloud speaks the HTTP API of LlamaCloud: a client for its directory files, page screenshots and page
// figures, and a pipeline.Source on top of it.
//
// Rules of the room:
//
//   - Every HTTP request, whatever it is for, goes through call.send, and there through the governor: first attempts,
//     retries, redirect hops and what net/http sends again by itself.
//   - The governor knows nothing of HTTP: it has a token bucket (Rate) and a pause that all workers share. A request asks
//     it for permission by admit and for a wait by sleep; what an answer says about requests to come reaches it by pause
//     and halt. Whether a request is tried again is for the rules in judge and tries, which send nothing themselves.
//   - All bodies report to the client's line, which tells one that is slow from one of many on a thin line. A request for a blob
//     waits for a place on it before it asks the governor, so that no token waits.
//   - Everything that comes from the server is untrusted: bodies are bounded in size, depth and time, numbers in range,
//     and text that ends in an error is bounded, made printable and cleared of the key.
//   - The key leaves the package in one place only, the Authorization header of a request to the configured origin.
//
// In answers as JSON, a name that occurs twice counts as its last occurrence, and names are matched without regard to
// case, as encoding/json does; bytes that are not UTF-8 are read as U+FFFD. Unknown names are ignored.
package llamacloud
