package pipeline

import (
	"fmt"
	"iter"
	"time"
)

// Listing is one listing of files.
type Listing struct {
	Key SourceKey
	// IsPart says that the listing was asked for a part of what there is: nothing is missing that it does not have.
	IsPart bool
	// Files yields the files in the order of the listing; one may come more than once. A *Failure comes with a file of which not
	// even the file_id can be read: it becomes a row, and the listing goes on. A *SourceError ends this listing, any other error
	// all of them. What was listed before either is not a complete listing.
	Files iter.Seq2[File, error]
	// Expiry returns when all that is listed goes with what holds it, zero for never, and told false where nobody says. It is asked once,
	// after the first file that is not Elsewhere, and its error ends all listings. Nil is for what holds nothing.
	Expiry func() (at time.Time, told bool, err error)
}

// SourceOutcome is what came of a listing.
type SourceOutcome struct {
	Key SourceKey
	// IsPart is that of the Listing.
	IsPart bool
	// Files is how many files it gave, those of other parts included: where there are some, it is not empty. Malformed is how many of them cannot be told from others: any file that is known and was
	// not listed may be among them.
	Files, Malformed int64
	// Err is why the listing ended early; nil where it came to its end.
	Err *SourceError
}

// IsComplete tells whether everything that was asked for was listed.
func (o *SourceOutcome) IsComplete() bool { return o.Err == nil && o.Malformed == 0 }

// SourceError says that one listing of files could not be had to its end, or cannot be trusted.
type SourceError struct {
	Key SourceKey
	// Grows says that all was listed that is there at present, and that more comes.
	Grows bool
	// Absent says that what holds the files is not there.
	Absent bool
	Err    error
}

func (e *SourceError) Error() string { return e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// SourcesError says that not one of several listings came to its end.
type SourcesError struct{ Errs []*SourceError }

func (e *SourcesError) Error() string {
	return fmt.Sprintf("none of the %d sources could be listed: %v", len(e.Errs), e.Errs[0])
}

func (e *SourcesError) Unwrap() []error {
	errs := make([]error, len(e.Errs))
	for i, err := range e.Errs {
		errs[i] = err
	}
	return errs
}

// unlisted returns why nothing was listed, where no listing came to its end; nil otherwise.
func unlisted(outcomes []SourceOutcome) error {
	var errs []*SourceError
	for _, o := range outcomes {
		if o.Err != nil && !o.Err.Grows {
			errs = append(errs, o.Err)
		}
	}
	switch {
	case len(errs) == 0 || len(errs) < len(outcomes):
		return nil
	case len(errs) == 1:
		return errs[0]
	}
	return &SourcesError{errs}
}
