package pipeline

import (
	"context"
	"iter"
)

// Source is where files and their assets come from. Its methods are safe for concurrent use.
//
// Every method may return a *Failure, which concerns only the file or asset at hand and becomes a row. Any other error
// stops the intake of the run: what is in flight is finished and committed, and Run returns that error.
type Source interface {
	// Listings returns the listings of files, in the order in which they are to be read. None is asked for before.
	Listings(ctx context.Context) []Listing
	// Assets lists all assets of one kind that a file or a job has of one origin. A *NoAssetsError says that there is nothing to ask
	// for. A nil slice is the answer that has no list: there may be none yet, and what is known is not gone. Room is asked for each
	// asset before the next one is read; its error is returned as it is.
	Assets(ctx context.Context, of Wanted, room Room) ([]*Asset, error)
	// Pages calls do for each page of a parse job whose text is known, in any order, one after the other, and returns its error as it is. A
	// page may come again, and counts as it came last. The rows have no Owner. Where it is called, that is before Assets.
	Pages(ctx context.Context, job *File, do func(*PageRow) error) error
	// Page fetches what an asset that is NoPicture says of the text of a page; it returns nil where that is nothing.
	Page(ctx context.Context, asset *Asset) (*PageRow, error)
	// Blob fetches an asset and returns its bytes only after they have been verified. The caller closes the blob. Pause is
	// called around a wait of some length, in which the source holds neither a connection nor memory for the asset; it may be
	// nil.
	Blob(ctx context.Context, asset *Asset, pause Pause) (*Blob, error)
	// Stop ends all waiting for permission to send, now and from now on: such calls return an error that wraps
	// ErrStopped. Requests that have been sent are finished.
	Stop()
}

// Wanted says which assets are to be listed.
type Wanted struct {
	File   *File
	Kind   Kind
	Origin Origin
}

// Pause calls wait, while which another asset may take the place of the one that waits, and returns its error, or why there
// is no place any more.
type Pause func(wait func() error) error

// Room takes so many bytes of the memory of the run for what a listing has, or gives them back where they are negative. Its error
// says that the listing is not to be held any longer.
type Room func(bytes int64) error

// Sink is where blobs go. Put is safe for concurrent use; the other methods are called by one goroutine. What is stored is never
// overwritten: a blob that takes the place of another has another Location, and the old one is discarded when the new row is
// committed.
//
// Blobs become durable in batches: those that were put between one Cut and the next. The caller commits the rows of a
// batch, of the whole batch and of nothing else, before it calls Cut or Seal again; a sink relies on it. After an error
// of Put the run tries to sync and commit what had been put before, which a sink that cannot go on refuses; after an
// error of Cut, of a batch's Sync or of Seal none is called again, since a failed sync proves nothing.
type Sink interface {
	// Put stores a blob. prior is where the ledger has the asset's blob so far, or nil. The returned Location is complete when the
	// batch is durable, and is the caller's from then on.
	Put(ctx context.Context, asset *Asset, blob *Blob, prior *Location) (*Location, error)
	// Cut ends the batch and begins the next one. No Put is under way.
	Cut(ctx context.Context) (Batch, error)
	// Discard removes blobs that no row names any more, as far as that costs little. What is gone already is no error.
	Discard(ctx context.Context, blobs []Location) error
	// Seal ends the output: it is called once, when every blob that was put has been synced and committed.
	Seal(ctx context.Context) error
	// Close releases what the sink holds and makes nothing durable. It may be called at any time, once.
	Close() error
}

// Batch is what was put into a sink between one Cut and the next.
type Batch interface {
	// Sync makes the batch durable. Blobs may be put meanwhile.
	Sync(ctx context.Context) error
}

// History is what earlier runs recorded. Its methods are safe for concurrent use, also beside Ledger.Commit, and need not
// see what the present run has committed.
type History interface {
	// Files yields the rows of all files in the order of their keys.
	Files(ctx context.Context) iter.Seq2[*FileRow, error]
	// Known yields what is known of all files in the order of their keys. It is valid until the next one is asked for.
	Known(ctx context.Context) iter.Seq2[*KnownFile, error]
	// File returns what is known of a file, or nil when nothing is, and FileRow its row. They are slow.
	File(ctx context.Context, key FileKey) (*FileState, error)
	FileRow(ctx context.Context, key FileKey) (*FileRow, error)
	// Assets returns the rows of the assets of an owner, those of its file or of its job alone, in the order of their keys.
	Assets(ctx context.Context, of Owner) ([]*Row, error)
}

// Ledger records what becomes of files and assets.
type Ledger interface {
	History
	// Commit adds rows durably. A file counts only with all that comes with it. A later row replaces an earlier one of its key. It is
	// called by one goroutine, and not again after an error.
	Commit(ctx context.Context, rows Rows) error
}

// Rows are what is committed together.
type Rows struct {
	Assets []*Row
	Files  []*FileRow
	Pages  []*PageRow
}
