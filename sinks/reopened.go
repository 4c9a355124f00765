package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"

	"exporter/internal/store"
)

// reopenedName is the object that keeps what the end of a shard said, as long as the shard is gone on with.
const reopenedName = store.PrivatePrefix + "reopened.json"

// maxReopened bounds what is read of it, in bytes.
const maxReopened = 64 << 20

// reopened is the seek table of a shard that was sealed. Who goes on with it after a crash need not decode the frames that it had then,
// one of which may have been damaged since.
type reopened struct {
	Shard string `json:"shard"`
	// Table is as seekTable encodes it.
	Table []byte `json:"table"`
}

// readReopened returns what there is, and whether there is anything. What cannot be understood says nothing.
func readReopened(ctx context.Context, r store.Reader) (last reopened, found bool, err error) {
	b, err := store.ReadBytes(ctx, r, reopenedName, maxReopened)
	if errors.Is(err, fs.ErrNotExist) {
		return reopened{}, false, nil
	}
	if err != nil {
		return reopened{}, false, err
	}
	if json.Unmarshal(b, &last) != nil {
		return reopened{}, true, nil
	}
	return last, true, nil
}

// keepTable keeps the seek table of a shard that is to be gone on with.
func (a *Archive) keepTable(ctx context.Context, name string, table *seekTable) error {
	b, err := json.Marshal(reopened{name, table.encode()})
	if err != nil {
		return err
	}
	a.hasReopened = true
	return store.PutBytes(ctx, a.store, reopenedName, b)
}

// tableOf returns the frames that a shard is known to have; none where nothing is known.
func (r *reopened) tableOf(name string) (t seekTable) {
	if n := len(r.Table); r.Shard == name && n >= seekTableHeader+seekTableFooter && isSeekTableHeader(r.Table, int64(n)) {
		if size, err := seekTableSize(r.Table[n-seekTableFooter:]); err == nil && size == int64(n) {
			t.decode(r.Table)
		}
	}
	return t
}

// forgetTable drops what was kept when no shard is open any more.
func (a *Archive) forgetTable(ctx context.Context) error {
	if !a.hasReopened {
		return nil
	}
	a.hasReopened = false
	return a.store.Remove(ctx, reopenedName)
}
