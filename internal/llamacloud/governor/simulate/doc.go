// Package simulate runs the governor against simulated origins, and holds the table of cases that it is measured by.
//
// It is a discrete-event simulation: hours of requests take milliseconds, and a seed decides everything that is random.
// Half a round trip lies before the origin and half behind it. A throttled request leaves its worker for as long as it
// has to wait, as in the product, up to four for each worker.
package simulate
