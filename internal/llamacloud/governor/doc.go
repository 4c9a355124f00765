// Package governor decides when a request may be sent to one origin, and learns from what came of those sent before.
package governor
