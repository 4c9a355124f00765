//go:build race

package manifest

// raceDetector is 1 where tests run with the race detector, else 0.
const raceDetector = 1
