package pipeline

import "time"

// Observer is told what happens. Observe is called from many goroutines at once and must return quickly.
type Observer interface {
	Observe(Event)
}

// Observers passes each event on to all of its elements.
type Observers []Observer

// Observe implements Observer.
func (os Observers) Observe(e Event) {
	for _, o := range os {
		o.Observe(e)
	}
}

// Event is one of the types below.
type Event interface{ event() }

// Limit says what sets the rate of requests.
type Limit string

const (
	// LimitNone: nothing does.
	LimitNone Limit = ""
	// LimitGiven: the rate that the user gave. LimitFound: one that the API was found to accept. LimitAnnounced: the one that
	// the API's headers announce.
	LimitGiven     Limit = "given"
	LimitFound     Limit = "found"
	LimitAnnounced Limit = "announced"
)

type (
	// FileListed tells of a file that a listing gave for the first time in this run. ExpiresAt is when it goes, as far as that listing and
	// the ledger say; zero where they do not.
	FileListed struct {
		File      *File
		ExpiresAt time.Time
	}
	// FileLeftOut tells of a file that is listed and not wanted. It may be taken all the same where another listing has it, too.
	FileLeftOut struct{ File *File }
	// FileUnchanged tells of a file that is as the ledger has it, so that it cost no request of its own. It is valid until
	// Observe has returned.
	FileUnchanged struct{ State *FileState }
	// FileRecalled tells of a file that an incremental source did not list, and that is taken to be as the ledger has it.
	FileRecalled struct{ File *File }
	// FileMissed tells of a file that the ledger has, and that a complete listing does not have for the first time.
	FileMissed struct{ File *File }
	// FileVanished tells of a file that the ledger has, and that is not listed any more. Its assets vanish with it. FileExpired
	// tells of one that went by its own ExpiresAt.
	FileVanished struct{ File *File }
	FileExpired  struct{ File *File }
	// AssetVanished tells of an asset that the ledger has, and that is not listed any more.
	AssetVanished struct{ Row *Row }
	// SourceExpires tells when all goes that a listing has.
	SourceExpires struct {
		Key SourceKey
		At  time.Time
	}
	// SourceListed tells what came of a listing.
	SourceListed struct{ Outcome *SourceOutcome }
	// KindNotOffered tells that the API offers no assets of a kind: it was refused for all files, in the end of so many that
	// others were listed of. Known ones stay as they are.
	KindNotOffered struct {
		Kind  Kind
		Files int64
		Err   error
	}
	// KindRefused tells that a kind was refused as if it were not offered for so many files, before others answered for it.
	KindRefused struct {
		Kind  Kind
		Files int64
		Err   error
	}
	// FieldOdd tells that a field of a listed item has a value that is not understood, and that counts as null.
	FieldOdd struct {
		File *File
		Oddity
	}
	// ListingAccepted tells that a listing was believed, because Options say so, that would not have been otherwise.
	ListingAccepted struct {
		// Lost is as in DoubtError.
		Lost string
	}
	// FilesComplete tells that all listings of files have come to their end.
	FilesComplete struct{}
	// FilesKnown tells that no listing will give another file: each has come to its end, or to an early one.
	FilesKnown struct{}
	// FileDue tells of a file that will be asked for its assets, and FileAsked that it was, or that it need not be after all: every
	// AssetPlanned of it has come. Each comes once of a file, in this order.
	FileDue   struct{ File *File }
	FileAsked struct{ File *File }
	// AssetPlanned tells what is to become of a listed asset, or of a stored one of a kind that was not listed. Action is ActionFetch, ActionKeep or ActionSkip; the reason is that
	// of a skip, or ReasonNewerDate.
	AssetPlanned struct {
		Asset  *Asset
		Action Action
		Reason string
	}
	// AssetDone tells that an asset was stored or failed; it is not committed yet. Took is the time from when its
	// fetching began.
	//
	// Same tells that it was fetched again for a newer date, and that its bytes are those that are stored.
	AssetDone struct {
		Row  *Row
		Took time.Duration
		Same bool
	}
	// PagesRecorded tells of the pages of a job: how many have no screenshot, and how many screenshots have no page.
	PagesRecorded struct {
		File                               *File
		Pages, WithoutPicture, WithoutText int64
	}
	// FileSettled tells that every asset of a file has its row.
	FileSettled struct{ Row *FileRow }
	// Committed tells that a checkpoint became durable.
	Committed struct {
		Assets, Files int
		Took          time.Duration
	}
	// Requested tells of one HTTP attempt that ended. Status is 0 where no answer came. Route is the route's template. Date
	// is the time of the server's clock, zero where it did not say.
	Requested struct {
		Method, Route string
		Status        int
		Date          time.Time
		Bytes         int64
		Took          time.Duration
		Err           error
		// Throttled tells that the answer wants fewer requests.
		Throttled bool
		// Elsewhere tells that it did not come from the API itself, but from a blob host that the API redirects to.
		Elsewhere bool
	}
	// Retrying tells that a request will be tried again after Delay.
	Retrying struct {
		Method, Route string
		Attempt       int
		Delay         time.Duration
		Err           error
	}
	// Paused tells that all requests wait until a time: because the API asked for it, or in an outage because it cannot be
	// reached. It may come again, with a later time, before the pause has ended. Quota tells that what the API announces is
	// used up, though nothing was throttled. Elsewhere tells that it is a blob host that asked for it, and that requests to
	// the API go on.
	Paused struct {
		For           time.Duration
		Until         time.Time
		Outage, Quota bool
		Elsewhere     bool
	}
	// Paced tells at which rate requests are sent from now on, in requests a second, and what sets it. PerSecond is 0 where
	// nothing does. Elsewhere tells that it is about those to a blob host.
	Paced struct {
		PerSecond float64
		By        Limit
		Elsewhere bool
	}
)

func (FileListed) event()      {}
func (FileLeftOut) event()     {}
func (FileUnchanged) event()   {}
func (FileRecalled) event()    {}
func (FileMissed) event()      {}
func (FileVanished) event()    {}
func (FileExpired) event()     {}
func (AssetVanished) event()   {}
func (SourceExpires) event()   {}
func (SourceListed) event()    {}
func (KindNotOffered) event()  {}
func (KindRefused) event()     {}
func (FieldOdd) event()        {}
func (ListingAccepted) event() {}
func (FilesComplete) event()   {}
func (FilesKnown) event()      {}
func (FileDue) event()         {}
func (FileAsked) event()       {}
func (AssetPlanned) event()    {}
func (AssetDone) event()       {}
func (PagesRecorded) event()   {}
func (FileSettled) event()     {}
func (Committed) event()       {}
func (Requested) event()       {}
func (Retrying) event()        {}
func (Paused) event()          {}
func (Paced) event()           {}
