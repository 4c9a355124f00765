// Package governor decides when a request may be sent to one origin, and learns from what came of those sent before.
//
// A Governor is what goroutines wait for. What it knows is in parts that are pure: time is passed in, in seconds from any
// fixed beginning, and nothing in them waits or locks. A gate tells whether anything may be sent, a pace how fast, with what
// windows and noise have learnt; a Regulator puts a bucket of tokens between the two. A breaker knows whether the origin
// can be reached at all, and a quota what its headers announce. Everything is learnt from requests that are numbered in the
// order in which they are sent: that one which was sent later is accepted says more than any clock.
//
// The folder simulate has the table of cases that the parts are measured by.
package governor
