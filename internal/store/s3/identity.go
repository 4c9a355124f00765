package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"exporter/internal/store/wire"
)

// ErrNoCredentials says that there are none.
var ErrNoCredentials = errors.New("there are no credentials for the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role")

const (
	// machineTimeout bounds an answer of the machine itself, tokenTimeout one of a service that hands out credentials.
	machineTimeout, tokenTimeout = 2 * time.Second, 20 * time.Second
)

// identity is who asks.
type identity struct {
	provider credentials.Provider
	client   *http.Client
	// source says where credentials come from. renews tells that they may be others when they are asked for again.
	source string
	renews bool

	lease wire.Lease[credentials.Value]
}

// value returns credentials that hold.
func (i *identity) value(ctx context.Context) (credentials.Value, error) { return i.lease.Value(ctx) }

// get asks for credentials.
func (i *identity) get(ctx context.Context) (credentials.Value, time.Time, error) {
	v, err := i.provider.RetrieveWithCredContext(&credentials.CredContext{Client: i.client, Context: ctx})
	if err == nil && (v.AccessKeyID == "" || v.SecretAccessKey == "") {
		err = errors.New("there is no key in them")
	}
	if err != nil {
		return credentials.Value{}, time.Time{}, &credentialsError{i.source, err}
	}
	return v, v.Expiration, nil
}

// expire drops credentials that the store does not take any more, unless others have come meanwhile. It tells whether others may come.
func (i *identity) expire(v credentials.Value) bool {
	if i.renews {
		i.lease.Drop(func(now credentials.Value) bool {
			return now.SessionToken == v.SessionToken && now.AccessKeyID == v.AccessKeyID
		})
	}
	return i.renews
}

// credentialsError says that there are no credentials now. It shows neither a token nor a query.
type credentialsError struct {
	source string
	err    error
}

func (e *credentialsError) Error() string {
	err := e.err
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return wire.Plain(fmt.Sprintf("get credentials from %s: %v", e.source, err))
}

func (e *credentialsError) Unwrap() error { return e.err }

// findIdentity looks for credentials where others do, in their order, and takes the first that are there.
func findIdentity(ctx context.Context, o Options, p *profile, region string, transport *http.Transport) (*identity, error) {
	i, err := chooseIdentity(o, p, region, transport)
	if err != nil {
		return nil, err
	}
	i.lease.Get = i.get
	if _, err := i.value(ctx); err != nil {
		if i.source == ec2Source && ctx.Err() == nil {
			return nil, ErrNoCredentials
		}
		return nil, err
	}
	return i, nil
}

// ec2Source is where credentials come from when nothing says so.
const ec2Source = "the metadata of this machine"

func chooseIdentity(o Options, p *profile, region string, transport *http.Transport) (*identity, error) {
	key, secret := o.Variable("AWS_ACCESS_KEY_ID"), o.Variable("AWS_SECRET_ACCESS_KEY")
	switch {
	case key != "" && secret != "":
		return fixed(key, secret, o.Variable("AWS_SESSION_TOKEN")), nil
	case key != "":
		return nil, errors.New("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
	case secret != "":
		return nil, errors.New("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")
	}
	services := &http.Client{Transport: transport, Timeout: tokenTimeout, CheckRedirect: refuseRedirect}
	if file := o.Variable("AWS_WEB_IDENTITY_TOKEN_FILE"); file != "" {
		i := webIdentity(o, region, file, o.Variable("AWS_ROLE_ARN"), o.Variable("AWS_ROLE_SESSION_NAME"))
		i.client, i.source = services, "AWS_WEB_IDENTITY_TOKEN_FILE"
		return i, nil
	}
	if i, err := p.identity(o, region); i != nil || err != nil {
		if i != nil {
			i.client = services
		}
		return i, err
	}
	// What a machine says to itself goes through no proxy.
	own := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: machineTimeout, CheckRedirect: refuseRedirect}
	relative, full := o.Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), o.Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	iam := &credentials.IAM{Region: region}
	if relative != "" || full != "" {
		iam.Container.CredentialsRelativeURI, iam.Container.CredentialsFullURI = relative, full
		// The provider reads the token from the environment. Handed over, it would be taken for the name of a file.
		return &identity{provider: iam, client: own, source: "the container", renews: true}, nil
	}
	if strings.EqualFold(o.Variable("AWS_EC2_METADATA_DISABLED"), "true") {
		return nil, ErrNoCredentials
	}
	iam.Endpoint = strings.TrimRight(o.Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "/")
	return &identity{provider: iam, client: own, source: ec2Source, renews: true}, nil
}

// refuseRedirect keeps credentials, and what they are got with, where they are meant to go.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func fixed(key, secret, token string) *identity {
	return &identity{
		provider: &credentials.Static{Value: credentials.Value{AccessKeyID: key, SecretAccessKey: secret, SessionToken: token, SignerType: credentials.SignatureV4}},
		source:   "the environment",
	}
}

// webIdentity takes a role for a token in a file, which others renew.
func webIdentity(o Options, region, file, role, session string) *identity {
	iam := &credentials.IAM{Region: region, Endpoint: o.Variable("AWS_ENDPOINT_URL_STS")}
	iam.EKSIdentity.TokenFile, iam.EKSIdentity.RoleARN, iam.EKSIdentity.RoleSessionName = file, role, session
	return &identity{provider: iam, renews: true}
}

// identity is that of a profile; nil where it has none.
func (p *profile) identity(o Options, region string) (*identity, error) {
	if p == nil {
		return nil, nil
	}
	source := fmt.Sprintf("the profile %q", p.name)
	if file := p.value("web_identity_token_file"); file != "" {
		i := webIdentity(o, region, file, p.value("role_arn"), p.value("role_session_name"))
		i.source = source
		return i, nil
	}
	hasKeys := p.value("aws_access_key_id") != "" || p.value("aws_secret_access_key") != ""
	if role := p.value("role_arn"); role != "" && !hasKeys {
		return nil, fmt.Errorf("%s takes a role with the keys of another one, which is not supported: "+
			`hand over what "aws configure export-credentials --profile %s --format env" prints`, source, p.name)
	}
	for _, key := range []string{"sso_role_name", "sso_session", "sso_start_url", "credential_process"} {
		hasKeys = hasKeys || p.value(key) != ""
	}
	if !hasKeys {
		return nil, nil
	}
	return &identity{provider: &credentials.FileAWSCredentials{Profile: p.name}, source: source, renews: true}, nil
}
