// Package gs is a bucket of Google Cloud Storage.
//
// It writes, lists and removes by the JSON API, and reads by the XML API, which says of each part of an object when it was stored. Google's
// protocol after that of S3 has no conditional writes; these have generations, which no two objects share.
package gs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// Options say which bucket is meant, and how it is spoken with.
type Options struct {
	Bucket string
	// Variable looks up a variable of the environment; nil is os.Getenv. What looks for credentials reads the environment of the process.
	Variable func(name string) string
	// Line says how it is spoken with; its hints are set here.
	Line wire.Options
	// Log is told where the store is; nil is told nothing.
	Log *slog.Logger
}

const (
	// host is where Google Cloud Storage is.
	host = "https://storage.googleapis.com"
	// emulatorVariable names another store, which asks for no credentials.
	emulatorVariable = "STORAGE_EMULATOR_HOST"
	// scope is what a token is asked for.
	scope = "https://www.googleapis.com/auth/devstorage.read_write"
	// tokenTimeout bounds an answer of a service that hands out tokens.
	tokenTimeout = 20 * time.Second
)

// ErrNoCredentials says that there are none.
var ErrNoCredentials = errors.New("there are no credentials for Google Cloud Storage: set GOOGLE_APPLICATION_CREDENTIALS, call " +
	`"gcloud auth application-default login", or give this machine a service account`)

// Client is a bucket. It implements bucket.Client.
type Client struct {
	bucket string
	base   *url.URL
	line   *wire.Line
	// tokens is nil where the store asks for none.
	tokens oauth2.TokenSource
	// isThere tells that the bucket was found to be there: what is missing is an object then.
	isThere atomic.Bool
}

var _ bucket.Client = (*Client)(nil)

// New finds out who asks. It sends nothing to the store.
func New(ctx context.Context, o Options) (*Client, error) {
	if o.Variable == nil {
		o.Variable = os.Getenv
	}
	if len(o.Bucket) < 3 || len(o.Bucket) > 222 || strings.Trim(o.Bucket, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return nil, fmt.Errorf("the bucket %q has no name that Google Cloud Storage takes", o.Bucket)
	}
	emulator := o.Variable(emulatorVariable)
	text := cmp.Or(emulator, host)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.User != nil {
		return nil, fmt.Errorf("%s is not the address of a store, such as localhost:9023", emulatorVariable)
	}
	o.Line.CertificateHint = "where a proxy looks into TLS, SSL_CERT_FILE names a PEM file of its authority"
	o.Line.NameHint = "is there a way to the internet?"
	c := &Client{bucket: o.Bucket, base: &url.URL{Scheme: base.Scheme, Host: base.Host}, line: wire.New(o.Line)}
	if emulator == "" {
		if c.tokens, err = findTokens(ctx, &http.Client{Transport: c.line.Transport(), Timeout: tokenTimeout}); err != nil {
			c.Close()
			return nil, err
		}
	}
	if o.Log != nil {
		o.Log.Debug("object store", "bucket", c.String())
	}
	return c, nil
}

// findTokens looks for credentials where Google's programs do, in their order: GOOGLE_APPLICATION_CREDENTIALS, those of gcloud, the machine.
// Tokens are renewed before they end.
func findTokens(ctx context.Context, client *http.Client) (oauth2.TokenSource, error) {
	// They are renewed as long as there is a client.
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, client)
	found, err := google.FindDefaultCredentials(ctx, scope)
	if err != nil {
		if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") == "" {
			return nil, ErrNoCredentials
		}
		return nil, errors.New("GOOGLE_APPLICATION_CREDENTIALS does not name a file of credentials that can be read")
	}
	return found.TokenSource, nil
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.line.Close() }

// String implements bucket.Client.
func (c *Client) String() string { return "gs://" + c.bucket + " at " + c.base.Host }

// object is what the JSON API says of an object.
type object struct {
	Name        string    `json:"name"`
	Size        int64     `json:"size,string"`
	Generation  string    `json:"generation"`
	TimeCreated time.Time `json:"timeCreated"`
}

// at is the URL of a path that is escaped.
func (c *Client) at(path string, query url.Values) *url.URL {
	u := *c.base
	u.RawPath = strings.ReplaceAll(path, "+", "%2B")
	u.Path, _ = url.PathUnescape(u.RawPath)
	u.RawQuery = query.Encode()
	return &u
}

// objects is the URL of the objects of the bucket in the JSON API, or of what is below.
func (c *Client) objects(below string, query url.Values) *url.URL {
	return c.at("/storage/v1/b/"+c.bucket+"/o"+below, query)
}

// send sends a request and returns an answer that is a success. Other answers, and none, are *bucket.Error.
func (c *Client) send(ctx context.Context, r *http.Request, op, key string) (*wire.Answer, error) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	var secret string
	if c.tokens != nil && context.Cause(ctx) == nil {
		token, err := c.tokens.Token()
		if err != nil {
			return nil, &bucket.Error{Op: op, Key: key, Err: tokenError(err), Temporary: isTokenTemporary(err)}
		}
		token.SetAuthHeader(r)
		secret = token.AccessToken
	}
	a, err := c.line.Send(ctx, r, op, key)
	if err != nil {
		return nil, err
	}
	if a.IsSuccess() {
		c.isThere.Store(true)
		return a, nil
	}
	defer a.Close()
	return nil, c.refused(ctx, a, op, key, secret)
}

// tokenError says that there is no token. It shows no answer, which may have one in it.
func tokenError(err error) error {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		var said struct{ Error string }
		_ = json.Unmarshal(answer.Body, &said)
		return fmt.Errorf("get a token: %d %s", answer.Response.StatusCode, wire.Plain(said.Error))
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("get a token: %w", err)
}

// isTokenTemporary tells whether there may be a token soon: unless somebody has refused one.
func isTokenTemporary(err error) bool {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	return !ok || answer.Response.StatusCode >= http.StatusInternalServerError
}
