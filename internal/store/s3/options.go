package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"exporter/internal/store/bucket"
)

// Options say which bucket is meant, and how it is spoken with.
type Options struct {
	Bucket string
	// Endpoint is the URL of the store. Where it is empty the variables and files of AWS name it, and where they do not it is AWS itself.
	// Region is asked for in the same way; AWS is asked where the bucket is.
	Endpoint, Region string
	// Variable looks up a variable of the environment; nil is os.Getenv. What looks for credentials in files and on machines reads
	// the environment of the process.
	Variable func(name string) string
	// Proxy returns the proxy for a URL, or nil; it may be nil.
	Proxy func(*url.URL) *url.URL
	// Roots are the authorities that are believed; nil are the system's. Those of AWS_CA_BUNDLE are believed, too.
	Roots *x509.CertPool
	// Connections is how many connections are kept; 0 stands for 64.
	Connections int
	// Idle bounds the time in which nothing moves; 0 stands for a minute.
	Idle time.Duration
	// UserAgent is what requests say of the program.
	UserAgent string
	// Log is told where credentials come from; nil is told nothing.
	Log *slog.Logger
}

// connectTimeout bounds the time in which a connection is made, and that of its TLS handshake.
const connectTimeout = 20 * time.Second

// Client is a bucket. It implements bucket.Client.
type Client struct {
	bucket, region string
	endpoint       *url.URL
	// isPath tells that the bucket is named in the path, not in the host.
	isPath    bool
	identity  *identity
	transport *http.Transport
	idle      time.Duration
	userAgent string
	// answered tells that the store has answered at all.
	answered atomic.Bool
}

var _ bucket.Client = (*Client)(nil)

// New finds out where a bucket is and who asks. It sends nothing to the store, unless the region of a bucket of AWS is named nowhere.
func New(ctx context.Context, o Options) (*Client, error) {
	if o.Variable == nil {
		o.Variable = os.Getenv
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := s3utils.CheckValidBucketName(o.Bucket); err != nil {
		return nil, fmt.Errorf("the bucket %q has no name that S3 takes: %w", o.Bucket, err)
	}
	p, err := readProfile(o.Variable)
	if err != nil {
		return nil, err
	}
	endpoint, region, err := findPlace(o, p)
	if err != nil {
		return nil, err
	}
	roots, err := readRoots(o.Roots, cmp.Or(o.Variable("AWS_CA_BUNDLE"), p.value("ca_bundle")))
	if err != nil {
		return nil, err
	}
	o.Roots = roots
	c := &Client{
		bucket: o.Bucket, region: region, endpoint: endpoint, isPath: !s3utils.IsVirtualHostSupported(*endpoint, o.Bucket),
		transport: newTransport(o), idle: cmp.Or(o.Idle, time.Minute), userAgent: cmp.Or(o.UserAgent, "exporter"),
	}
	if c.region == "" {
		if c.region, err = c.findRegion(ctx); err != nil {
			c.Close()
			return nil, err
		}
	}
	if c.identity, err = findIdentity(ctx, o, p, c.region, c.transport); err != nil {
		c.Close()
		return nil, err
	}
	o.Log.Debug("object store", "bucket", c.String(), "region", c.region, "credentials", c.identity.source)
	return c, nil
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// String implements bucket.Client.
func (c *Client) String() string { return "s3://" + c.bucket + " at " + c.endpoint.Host }

// newTransport speaks HTTP/1.1 only: one connection of HTTP/2 would carry all blobs, and cost more for each.
func newTransport(o Options) *http.Transport {
	connections := cmp.Or(o.Connections, 64)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if o.Proxy == nil {
				return nil, nil
			}
			return o.Proxy(r.URL), nil
		},
		DialContext:            (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    connectTimeout,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConns:           connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         16 << 10,
	}
}

// errNoCertificate says that a file has no certificate in it.
var errNoCertificate = errors.New(`it has no certificate in it, which begins with "-----BEGIN CERTIFICATE-----"`)

// readRoots adds the authorities of a file.
func readRoots(roots *x509.CertPool, file string) (*x509.CertPool, error) {
	if file == "" {
		return roots, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE: %w", err)
	}
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
	} else {
		roots = roots.Clone()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE %q: %w", file, errNoCertificate)
	}
	return roots, nil
}
