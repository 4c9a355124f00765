package llamacloud

import (
	"context"
	"fmt"
	"slices"
	"time"

	"exporter/pipeline"
)

// Expiry returns when the directory goes, with its files; zero for never. It is not told where the API says what is not understood.
func (d *Directory) Expiry() (expires time.Time, told bool) {
	isOdd := slices.ContainsFunc(d.Odd, func(o pipeline.Oddity) bool { return o.Field == "expires_at" })
	return at(d.ExpiresAt), d.Malformed == nil && !isOdd
}

// expiries tells when directories go. One goroutine uses it.
type expiries struct {
	client *Client
	// known are those that need no asking; zero for never.
	known map[pipeline.ID]time.Time
	// silent tells that the API did not say of one.
	silent bool
}

// of returns when a directory goes. An API that does not say, as it has no such operation, or not for this key, is not asked of others.
func (e *expiries) of(ctx context.Context, id pipeline.ID) (expires time.Time, told bool, err error) {
	if expires, known := e.known[id]; known || e.silent {
		return expires, known, nil
	}
	d, err := e.client.Directory(ctx, id)
	if EndsAll(err) {
		return time.Time{}, false, err
	}
	if err != nil {
		e.silent = true
		e.client.opts.Log(fmt.Sprintf("when directories expire is not known: %v", err))
		return time.Time{}, false, nil
	}
	expires, told = d.Expiry()
	return expires, told, nil
}
