package s3

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"exporter/internal/store/bucket"
	"exporter/internal/store/wire"
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

// Client is a bucket. It implements bucket.Client.
type Client struct {
	bucket, region string
	endpoint       *url.URL
	// isPath tells that the bucket is named in the path, not in the host.
	isPath   bool
	identity *identity
	line     *wire.Line
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
	if s3utils.IsS3ExpressBucket(o.Bucket) {
		return nil, fmt.Errorf("the bucket %q is a directory bucket of S3 Express, which lists in no order: name a general purpose bucket", o.Bucket)
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
	c := &Client{
		bucket: o.Bucket, region: region, endpoint: endpoint, isPath: !s3utils.IsVirtualHostSupported(*endpoint, o.Bucket),
		line: wire.New(wire.Options{
			Proxy: o.Proxy, Roots: roots, Connections: o.Connections, Idle: o.Idle, UserAgent: o.UserAgent,
			CertificateHint: "where its certificate is of an authority of your own, AWS_CA_BUNDLE names a PEM file of that",
			NameHint:        "look at the endpoint, AWS_ENDPOINT_URL_S3, and the region, AWS_REGION",
		}),
	}
	if c.region == "" {
		if c.region, err = c.findRegion(ctx); err != nil {
			c.Close()
			return nil, err
		}
	}
	if c.identity, err = findIdentity(ctx, o, p, c.region, c.line.Transport()); err != nil {
		c.Close()
		return nil, err
	}
	o.Log.Debug("object store", "bucket", c.String(), "region", c.region, "credentials", c.identity.source)
	return c, nil
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.line.Close() }

// String implements bucket.Client.
func (c *Client) String() string { return "s3://" + c.bucket + " at " + c.endpoint.Host }

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
