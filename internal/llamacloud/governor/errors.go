package governor

import (
	"fmt"
	"time"
)

// PauseError says that the origin asked for a longer pause than allowed. To the API no request is sent after it, to an origin
// elsewhere single ones.
type PauseError struct {
	// For is how long it asked to wait, pauses before it included after which it still accepted nothing. Max is
	// Options.MaxPause.
	For, Max time.Duration
	// Elsewhere is Options.Elsewhere.
	Elsewhere bool
}

func (e *PauseError) Error() string {
	if e.Elsewhere {
		return fmt.Sprintf("the host asks to wait for %v, longer than max_pause (%v)", e.For.Round(time.Second), e.Max)
	}
	return fmt.Sprintf("the API asks to wait for %v, longer than max_pause (%v): run again later",
		e.For.Round(time.Second), e.Max)
}

// OutageError says that the origin could not be reached for longer than is waited for. No request is sent after it.
type OutageError struct {
	// For is how long every request has failed, Max is Options.MaxOutage.
	For, Max time.Duration
	// Last is how the last one did.
	Last error
}

func (e *OutageError) Error() string {
	return fmt.Sprintf("the API could not be reached for %v (max_outage is %v): %v", e.For.Round(time.Second), e.Max, e.Last)
}
