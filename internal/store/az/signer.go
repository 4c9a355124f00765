package az

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"exporter/internal/store/wire"
)

// signer says in a request who asks.
type signer interface {
	sign(ctx context.Context, r *http.Request) error
}

// findSigner takes the first of a key, a signature, the identity of a workload, and that of the machine.
func findSigner(ctx context.Context, variable func(string) string, a *account, transport http.RoundTripper) (signer, error) {
	if a.key != "" {
		key, err := base64.StdEncoding.DecodeString(a.key)
		if err != nil {
			return nil, errors.New("the key of the account of Azure is no Base64")
		}
		return &sharedKey{a.name, key}, nil
	}
	if a.sas != "" {
		query, err := url.ParseQuery(a.sas)
		if err != nil || !query.Has("sig") {
			return nil, errors.New("AZURE_STORAGE_SAS_TOKEN is no signature: it begins with sv= or sp=, and has a sig=")
		}
		return sas(a.sas), nil
	}
	t := &tokens{variable: variable, client: &http.Client{Transport: transport, Timeout: 20 * time.Second}}
	t.lease.Get = t.get
	if _, err := t.lease.Value(ctx); err != nil {
		if !t.isNamed() && ctx.Err() == nil {
			return nil, ErrNoCredentials
		}
		return nil, err
	}
	return t, nil
}

// ErrNoCredentials says that there are none.
var ErrNoCredentials = errors.New("there are no credentials for Azure: set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or " +
	"AZURE_STORAGE_CONNECTION_STRING, or give this machine or pod an identity")

// sas is a query that is signed.
type sas string

func (s sas) sign(_ context.Context, r *http.Request) error {
	if r.URL.RawQuery != "" {
		r.URL.RawQuery += "&"
	}
	r.URL.RawQuery += string(s)
	return nil
}

// sharedKey is the key of an account.
type sharedKey struct {
	account string
	key     []byte
}

// sign follows "Authorize with Shared Key" of the documentation of Azure Storage.
func (s *sharedKey) sign(_ context.Context, r *http.Request) error {
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	lines := []string{r.Method, "", "", length}
	// The date is in a header of its own, and so the line for that is empty.
	for _, name := range []string{"Content-Md5", "Content-Type", "", "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"} {
		lines = append(lines, r.Header.Get(name))
	}
	var own []string
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			own = append(own, lower+":"+strings.TrimSpace(values[0]))
		}
	}
	slices.Sort(own)
	resource := "/" + s.account + r.URL.EscapedPath()
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		resource += "\n" + strings.ToLower(name) + ":" + strings.Join(query[name], ",")
	}
	mac := hmac.New(sha256.New, s.key)
	_, _ = io.WriteString(mac, strings.Join(append(append(lines, own...), resource), "\n"))
	r.Header.Set("Authorization", "SharedKey "+s.account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// tokens are those of an identity, for a time.
type tokens struct {
	variable func(string) string
	client   *http.Client
	lease    wire.Lease[string]
}

func (t *tokens) sign(ctx context.Context, r *http.Request) error {
	token, err := t.lease.Value(ctx)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

const storageScope = "https://storage.azure.com/"

// isNamed tells whether the environment says who asks.
func (t *tokens) isNamed() bool {
	return t.variable("AZURE_FEDERATED_TOKEN_FILE") != "" || t.variable("AZURE_CLIENT_SECRET") != "" || t.variable("IDENTITY_ENDPOINT") != ""
}

// request asks for a token: as an application with a token of its own or a secret, as a service of Azure, or as a machine.
func (t *tokens) request() (*http.Request, *http.Client, error) {
	id, tenant := t.variable("AZURE_CLIENT_ID"), t.variable("AZURE_TENANT_ID")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "scope": {storageScope + ".default"}}
	switch file, secret := t.variable("AZURE_FEDERATED_TOKEN_FILE"), t.variable("AZURE_CLIENT_SECRET"); {
	case file != "":
		assertion, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", strings.TrimSpace(string(assertion)))
	case secret != "":
		form.Set("client_secret", secret)
	default:
		query := url.Values{"resource": {storageScope}, "api-version": {"2018-02-01"}}
		if id != "" {
			query.Set("client_id", id)
		}
		at, header := "http://169.254.169.254/metadata/identity/oauth2/token", http.Header{"Metadata": {"true"}}
		if service := t.variable("IDENTITY_ENDPOINT"); service != "" {
			at, header = service, http.Header{"X-Identity-Header": {t.variable("IDENTITY_HEADER")}}
			query.Set("api-version", "2019-08-01")
		}
		r, err := http.NewRequest(http.MethodGet, at+"?"+query.Encode(), nil)
		if err == nil {
			r.Header = header
		}
		// What a machine says to itself goes through no proxy.
		return r, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}, err
	}
	at := strings.TrimSuffix(cmp.Or(t.variable("AZURE_AUTHORITY_HOST"), "https://login.microsoftonline.com"), "/") + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token"
	r, err := http.NewRequest(http.MethodPost, at, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, t.client, err
}

// tokenError says that there is no token. It shows no answer, which may have one in it.
type tokenError struct {
	status int
	err    error
}

func (e *tokenError) Error() string { return fmt.Sprintf("get a token: %v", e.err) }
func (e *tokenError) Unwrap() error { return e.err }

// isTemporary tells whether there may be a token soon: unless somebody has refused one.
func isTemporary(err error) bool {
	e, ok := errors.AsType[*tokenError](err)
	return ok && (e.status == 0 || e.status == http.StatusTooManyRequests || e.status >= 500)
}

// get asks for a token.
func (t *tokens) get(ctx context.Context) (token string, end time.Time, err error) {
	r, client, err := t.request()
	if err != nil {
		return "", time.Time{}, &tokenError{http.StatusBadRequest, err}
	}
	answer, err := client.Do(r.WithContext(ctx))
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return "", time.Time{}, &tokenError{0, err}
	}
	defer answer.Body.Close()
	var said struct {
		AccessToken string          `json:"access_token"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
		Error       string          `json:"error"`
	}
	// A number in some answers, in quotes in others.
	err = json.NewDecoder(io.LimitReader(answer.Body, wire.MaxErrorBody)).Decode(&said)
	seconds, numberErr := strconv.Atoi(strings.Trim(string(said.ExpiresIn), `"`))
	if answer.StatusCode != http.StatusOK || err != nil || numberErr != nil || said.AccessToken == "" {
		return "", time.Time{}, &tokenError{answer.StatusCode, fmt.Errorf("%d %s", answer.StatusCode, wire.Plain(said.Error))}
	}
	return said.AccessToken, time.Now().Add(time.Duration(seconds) * time.Second), nil
}
