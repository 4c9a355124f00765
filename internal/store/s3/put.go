package s3

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"

	"exporter/internal/store"
	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

const (
	// maxPut is the most bytes that S3 takes in one request.
	maxPut = 5 << 30
	// maxSigned is the most bytes whose SHA-256 is signed. It is a sum that each store compares, and processors have instructions for it. But
	// some stores keep all that is signed in memory, up to a limit of theirs: what is larger goes with an MD5, in which they read along.
	maxSigned = 16 << 20
)

// Put implements bucket.Client.
func (c *Client) Put(ctx context.Context, key string, content store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, wire.OpPut, key, content, size, http.Header{})
}

// Create implements bucket.Client.
func (c *Client) Create(ctx context.Context, key string, content store.Content, size int64) (bucket.Version, error) {
	return c.put(ctx, wire.OpCreate, key, content, size, http.Header{"If-None-Match": {"*"}})
}

func (c *Client) put(ctx context.Context, op, key string, content store.Content, size int64, header http.Header) (bucket.Version, error) {
	if size > maxPut {
		return "", &bucket.Error{Op: op, Key: key, Err: errTooLarge, Hint: "let shards be smaller"}
	}
	q := request{op: op, method: http.MethodPut, key: key, header: header, size: size, body: io.NewSectionReader(content, 0, size)}
	if err := q.sign(content); err != nil {
		return "", err
	}
	header.Set("Content-Type", "application/octet-stream")
	a, err := c.send(ctx, q)
	if err != nil {
		return "", err
	}
	a.Close()
	return a.Stored(version(a.Header.Get("ETag")))
}

// sign has the store compare a sum of the content with that of what arrives.
func (q *request) sign(content store.Content) error {
	if known, ok := content.(store.Summed); ok && q.size <= maxSigned {
		if sum := known.Sum(); sum != [sha256.Size]byte{} {
			q.sum = hex.EncodeToString(sum[:])
			return nil
		}
	}
	sum := md5.New()
	if q.size <= maxSigned {
		sum = sha256.New()
	}
	if err := wire.Sum(q.op, q.key, content, q.size, sum); err != nil {
		return err
	}
	if q.size <= maxSigned {
		q.sum = hex.EncodeToString(sum.Sum(nil))
		return nil
	}
	q.sum = unsigned
	q.header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	return nil
}

// errTooLarge says that an object cannot be put in one request.
var errTooLarge = errors.New("the object has more than 5 GiB, which S3 does not take in one request")

// version makes one of an ETag, which has quotes in some answers and none in others.
func version(tag string) bucket.Version { return bucket.Version(strings.Trim(tag, `"`)) }

// tag is that of a version in a condition.
func tag(v bucket.Version) string {
	if strings.HasPrefix(string(v), "W/") {
		return string(v)
	}
	return `"` + string(v) + `"`
}
