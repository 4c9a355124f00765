// Package llamacloud speaks the HTTP API of LlamaCloud: a client for its directory files, page screenshots and page
// figures, and a pipeline.Source on top of it.
//
// Rules of the room:
//
//   - Every HTTP request, whatever it is for, goes through call.send, and there through a governor: first attempts,
//     retries and what net/http sends again by itself. A redirect hop to the configured origin goes on the ticket of its request.
//   - Each origin has a governor: the API's own keeps the rate, those of hosts that it redirects to do what these say. A
//     governor knows nothing of HTTP. A request asks it for a ticket, and says by it what came of the request: outcome.go
//     turns answers into what a governor understands. Whether a request is tried again is for the rules in judge and tries,
//     which send nothing themselves.
//   - Everything that comes from the server is untrusted: bodies are bounded in size, depth and time, numbers in range,
//     and text that ends in an error is bounded, made printable and cleared of the key.
//   - A link to another origin than the API's leads to public addresses only, unless the guard lets it: it judges each connection by
//     the address that is dialled.
//   - The key leaves the package in one place only, the Authorization header of a request to the configured origin.
//
// In answers as JSON, a name that occurs twice counts as its last occurrence, and names are matched as they are, in upper and
// lower case. What cannot be read of an item of a listing is that item's alone, what is not used is not read, and texts that are
// no Unicode are spelled so that they are (spelling.go).
package llamacloud
