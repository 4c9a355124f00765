// Package az is a container of Azure Blob Storage, as a bucket.
package az

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
)

// apiVersion is that of the protocol.
const apiVersion = "2021-12-02"

// Options say which container is meant, and how it is spoken with.
type Options struct {
	Container string
	// Variable looks up a variable of the environment; nil is os.Getenv.
	Variable func(name string) string
	// Line says how it is spoken with; its hints are set here.
	Line wire.Options
	// Log is told where the store is; nil is told nothing.
	Log *slog.Logger
}

// Client is a container. It implements bucket.Client.
type Client struct {
	container string
	// base is the URL of the account, with a path where that has one.
	base *url.URL
	who  signer
	line *wire.Line
}

var _ bucket.Client = (*Client)(nil)

// New finds out where a container is and who asks. It sends nothing to the store.
func New(ctx context.Context, o Options) (*Client, error) {
	if o.Variable == nil {
		o.Variable = os.Getenv
	}
	if len(o.Container) < 3 || len(o.Container) > 63 || strings.Trim(o.Container, "abcdefghijklmnopqrstuvwxyz0123456789-$") != "" {
		return nil, fmt.Errorf("the container %q has no name that Azure takes", o.Container)
	}
	a, err := findAccount(o.Variable)
	if err != nil {
		return nil, err
	}
	o.Line.CertificateHint = "where a proxy looks into TLS, SSL_CERT_FILE names a PEM file of its authority"
	o.Line.NameHint = "look at the account, AZURE_STORAGE_ACCOUNT"
	c := &Client{container: o.Container, base: a.endpoint, line: wire.New(o.Line)}
	if c.who, err = findSigner(ctx, o.Variable, a, c.line.Transport()); err != nil {
		c.Close()
		return nil, err
	}
	if o.Log != nil {
		o.Log.Debug("object store", "bucket", c.String())
	}
	return c, nil
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.line.Close() }

// String implements bucket.Client.
func (c *Client) String() string { return "az://" + c.container + " at " + c.base.Host }

// account is where a container is, and what is known of who may use it.
type account struct {
	name, key, sas string
	endpoint       *url.URL
}

// findAccount reads what the programs of Azure read: a connection string, or an account with a key or a token.
func findAccount(variable func(string) string) (*account, error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(variable("AZURE_STORAGE_CONNECTION_STRING"), ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
			parts[name] = value
		}
	}
	a := &account{name: parts["AccountName"], key: parts["AccountKey"], sas: parts["SharedAccessSignature"]}
	endpoint := parts["BlobEndpoint"]
	if len(parts) == 0 {
		a = &account{name: variable("AZURE_STORAGE_ACCOUNT"), key: variable("AZURE_STORAGE_KEY"), sas: variable("AZURE_STORAGE_SAS_TOKEN")}
		endpoint = variable("AZURE_STORAGE_SERVICE_ENDPOINT")
	}
	if endpoint == "" {
		if a.name == "" {
			return nil, fmt.Errorf("no account of Azure is named: set AZURE_STORAGE_ACCOUNT, or AZURE_STORAGE_CONNECTION_STRING")
		}
		endpoint = cmp.Or(parts["DefaultEndpointsProtocol"], "https") + "://" + a.name + ".blob." + cmp.Or(parts["EndpointSuffix"], "core.windows.net")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the endpoint of Azure is no URL such as https://ACCOUNT.blob.core.windows.net")
	}
	if a.name == "" {
		a.name, _, _ = strings.Cut(u.Host, ".")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath, a.endpoint = "", u
	a.sas = strings.TrimPrefix(a.sas, "?")
	return a, nil
}

// at is the URL of a blob; of the container, where there is no key.
func (c *Client) at(key string, query url.Values) *url.URL {
	u := *c.base
	path := u.Path + "/" + c.container
	if key != "" {
		path += "/" + key
	}
	u.Path = path
	u.RawPath = strings.ReplaceAll(strings.ReplaceAll(url.PathEscape(path), "%2F", "/"), "+", "%2B")
	u.RawQuery = query.Encode()
	return &u
}

// send sends a request and returns an answer that is a success. Other answers, and none, are *bucket.Error.
func (c *Client) send(ctx context.Context, r *http.Request, op, key string) (*wire.Answer, error) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("X-Ms-Version", apiVersion)
	r.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	if err := c.who.sign(ctx, r); err != nil {
		e := &bucket.Error{Op: op, Key: key, Err: err, Temporary: isTemporary(err)}
		if cause := context.Cause(ctx); cause != nil {
			e.Err, e.Temporary = cause, false
		}
		return nil, e
	}
	a, err := c.line.Send(ctx, r, op, key)
	if err != nil || a.IsSuccess() {
		return a, err
	}
	defer a.Close()
	return nil, refused(a, op)
}
