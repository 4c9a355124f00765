package s3

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
)

// environ sets these variables of AWS, and no others, in the process: what looks for credentials reads them there.
func environ(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("USERPROFILE", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// file writes a file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// services hands out credentials as STS, containers and machines of EC2 do. Those of STS and of machines are to be renewed.
func services(t *testing.T) string {
	const answer = `{"Code":"Success","AccessKeyId":"KEYOFTHETEST","SecretAccessKey":"sesame-open","Token":"%s","Expiration":"2099-01-01T00:00:00Z"}`
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("RoleArn") != "arn:aws:iam::1:role/x" || r.FormValue("WebIdentityToken") != "web-token" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>`)
			return
		}
		_, _ = io.WriteString(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>KEYOFTHETEST</AccessKeyId><SecretAccessKey>sesame-open</SecretAccessKey><SessionToken>of-sts</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`+
			`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	})
	mux.HandleFunc("GET /container", func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "pod-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, answer, "of-container")
	})
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "imds-token") })
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/{role...}", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "imds-token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.PathValue("role") == "":
			_, _ = io.WriteString(w, "role-x\n")
		default:
			_, _ = fmt.Fprintf(w, answer, "of-machine")
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// Credentials are found where others look for them, and the endpoint and the region with them.
func TestNew_Credentials_FromTheUsualPlaces(t *testing.T) {
	url := services(t)
	static := "aws_access_key_id = KEYOFTHETEST\naws_secret_access_key = sesame-open\naws_session_token = of-file\n"
	for _, tt := range []struct {
		name      string
		variables map[string]string
		token     string
	}{
		{"environment", map[string]string{"AWS_ACCESS_KEY_ID": "KEYOFTHETEST", "AWS_SECRET_ACCESS_KEY": "sesame-open", "AWS_SESSION_TOKEN": "of-env"}, "of-env"},
		{"default profile", map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file(t, "[default]\n"+static)}, "of-file"},
		{"profile", map[string]string{"AWS_PROFILE": "x", "AWS_SHARED_CREDENTIALS_FILE": file(t, "[default]\naws_access_key_id = no\n[x]\n"+static)}, "of-file"},
		{"profile of config", map[string]string{"AWS_PROFILE": "x", "AWS_CONFIG_FILE": file(t, "[default]\n[profile x]\n"+static)}, "of-file"},
		{"web identity", map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file(t, "web-token"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_ENDPOINT_URL_STS": url}, "of-sts"},
		{"web identity of a profile", map[string]string{
			"AWS_CONFIG_FILE": file(t, "[default]\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = "+file(t, "web-token")), "AWS_ENDPOINT_URL_STS": url,
		}, "of-sts"},
		{"container", map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pod-token"}, "of-container"},
		{"pod identity", map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file(t, "pod-token")}, "of-container"},
		{"machine", map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": url + "/"}, "of-machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var token string
			s := buckettest.NewServer(t, buckettest.Vices{Fault: func(r buckettest.Received) buckettest.Fault {
				token = r.Header.Get("X-Amz-Security-Token")
				return buckettest.Fault{}
			}})
			environ(t, tt.variables)
			t.Setenv("AWS_ENDPOINT_URL", s.URL)
			c, err := New(t.Context(), Options{Bucket: s.Bucket})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			if _, err := c.Put(t.Context(), "x", store.Bytes("x"), 1); err != nil || token != tt.token {
				t.Errorf("got token %q, error %v, want %q", token, err, tt.token)
			}
		})
	}
}

func TestNew_Credentials_ThatAreNone(t *testing.T) {
	url := services(t)
	for _, tt := range []struct {
		name      string
		variables map[string]string
		want      string
	}{
		{"nothing", nil, ErrNoCredentials.Error()},
		{"half of a pair", map[string]string{"AWS_ACCESS_KEY_ID": "KEY"}, "AWS_SECRET_ACCESS_KEY is not"},
		{"other half", map[string]string{"AWS_SECRET_ACCESS_KEY": "sesame"}, "AWS_ACCESS_KEY_ID is not"},
		{"no such profile", map[string]string{"AWS_PROFILE": "nobody"}, ErrNoProfile.Error()},
		{"role of a profile", map[string]string{"AWS_CONFIG_FILE": file(t, "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n")}, "export-credentials"},
		{"token of another", map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": file(t, "sesame"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_ENDPOINT_URL_STS": url}, "not you"},
		{"token of another pod", map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/container?sesame", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "sesame"}, "401"},
		{"unreachable container", map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/?sesame"}, "get credentials from the container: dial"},
		{"no certificates", map[string]string{"AWS_CA_BUNDLE": file(t, "none")}, errNoCertificate.Error()},
		{"bad endpoint", map[string]string{"AWS_ENDPOINT_URL_S3": "http://u:sesame@host/"}, "AWS_ENDPOINT_URL_S3 has more"},
		{"endpoint with a path", map[string]string{"AWS_ENDPOINT_URL": "https://host/bucket"}, "AWS_ENDPOINT_URL has more"},
		{"no endpoint", map[string]string{"AWS_ENDPOINT_URL": "ftp://host"}, "AWS_ENDPOINT_URL is not"},
	} {
		environ(t, tt.variables)
		_, err := New(t.Context(), Options{Bucket: "bucket", Region: "eu-west-1"})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got error %v, want %q and no secret", tt.name, err, tt.want)
		}
	}
}

func TestNew_Place_FromTheUsualPlaces(t *testing.T) {
	config := file(t, "[default]\nregion = eu-north-1\n[profile x]\nregion = eu-west-3\nendpoint_url = https://store.example.com\nservices = s\n[services s]\ns3 =\n  endpoint_url = https://other.example.com\n")
	for _, tt := range []struct {
		options   Options
		variables map[string]string
		want      string
	}{
		{Options{}, map[string]string{"AWS_REGION": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com eu-west-1"},
		{Options{}, map[string]string{"AWS_DEFAULT_REGION": "cn-north-1"}, "https://s3.cn-north-1.amazonaws.com.cn cn-north-1"},
		{Options{}, map[string]string{"AWS_CONFIG_FILE": config}, "https://s3.eu-north-1.amazonaws.com eu-north-1"},
		{Options{}, map[string]string{"AWS_CONFIG_FILE": config, "AWS_PROFILE": "x"}, "https://store.example.com eu-west-3"},
		{Options{}, map[string]string{"AWS_CONFIG_FILE": config, "AWS_PROFILE": "x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://s3.eu-west-3.amazonaws.com eu-west-3"},
		{Options{}, map[string]string{"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_S3": "http://b:2"}, "http://b:2 us-east-1"},
		{Options{Endpoint: "c:3", Region: "auto"}, map[string]string{"AWS_ENDPOINT_URL_S3": "http://b:2", "AWS_REGION": "eu-west-1"}, "https://c:3 auto"},
		{Options{Endpoint: "https://s3.eu-central-1.amazonaws.com"}, nil, "https://s3.eu-central-1.amazonaws.com eu-central-1"},
	} {
		environ(t, tt.variables)
		t.Setenv("AWS_ACCESS_KEY_ID", "KEY")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "sesame")
		tt.options.Bucket = "bucket"
		c, err := New(t.Context(), tt.options)
		if err != nil {
			t.Errorf("%v: %v", tt.variables, err)
			continue
		}
		if got := c.endpoint.String() + " " + c.region; got != tt.want {
			t.Errorf("%+v, %v: got %s, want %s", tt.options, tt.variables, got, tt.want)
		}
	}
}

func TestNew_BucketsThatAreNone(t *testing.T) {
	for name, want := range map[string]string{"": "no name", "a": "no name", "a/b": "no name", "bucket--euw1-az1--x-s3": "S3 Express"} {
		if _, err := New(t.Context(), Options{Bucket: name, Variable: (&buckettest.Server{}).Variable}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q", name, err, want)
		}
	}
}

// AWS says to everybody in which region a bucket is.
func TestClient_FindRegion_IsTold(t *testing.T) {
	region := "ap-south-1"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.URL.Path != "/bucket/" || r.Header.Get("Authorization") != "" {
			t.Errorf("got %s %s, want HEAD /bucket/ without a signature", r.Method, r.URL)
		}
		w.Header().Set(regionHeader, region)
		w.WriteHeader(http.StatusMovedPermanently)
	}))
	t.Cleanup(server.Close)
	c := open(t, &buckettest.Server{URL: server.URL, Bucket: "bucket", AccessKey: "KEY", SecretKey: "sesame", Region: "us-east-1"})
	if got, err := c.findRegion(t.Context()); got != region || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, region)
	}
	region = "evil.example.com/"
	if got, err := c.findRegion(t.Context()); err == nil {
		t.Errorf("got %q, which makes no host of AWS", got)
	}
}

// A store whose certificate is of an authority of one's own.
func TestNew_CABundle_IsBelievedBesideTheSystem(t *testing.T) {
	s := buckettest.NewServer(t, buckettest.Vices{})
	secure := httptest.NewTLSServer(s)
	t.Cleanup(secure.Close)
	s.URL = secure.URL
	c := open(t, s)
	_, err := c.Create(t.Context(), "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); !strings.Contains(e.Hint, "AWS_CA_BUNDLE") || e.Temporary || errors.Is(err, store.ErrUnsure) {
		t.Errorf("got error %v, want one that names AWS_CA_BUNDLE", err)
	}
	bundle := file(t, certificate(secure))
	c, err = New(t.Context(), Options{Bucket: s.Bucket, Variable: func(name string) string {
		if name == "AWS_CA_BUNDLE" {
			return bundle
		}
		return s.Variable(name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Create(t.Context(), "x", store.Bytes("x"), 1); err != nil {
		t.Error(err)
	}
}

// renewing gives other credentials each time, for ten minutes, or fails.
type renewing struct {
	times int
	fails bool
	ends  time.Duration
}

func (p *renewing) Retrieve() (credentials.Value, error) { return p.RetrieveWithCredContext(nil) }
func (p *renewing) IsExpired() bool                      { return true }
func (p *renewing) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	p.times++
	if p.fails {
		return credentials.Value{}, errors.New("no connection")
	}
	return credentials.Value{AccessKeyID: "KEY", SecretAccessKey: "sesame", SessionToken: fmt.Sprint(p.times), Expiration: time.Now().Add(p.ends)}, nil
}

// Credentials that end are renewed before, and hold to their end where that fails.
func TestIdentity_Value_IsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &renewing{ends: 10 * time.Minute}
		i := &identity{provider: p, renews: true, source: "a test"}
		i.lease.Get = i.get
		is := func(want string) {
			t.Helper()
			if v, err := i.value(context.Background()); v.SessionToken != want || (err != nil) != (want == "") {
				t.Errorf("got %q, %v, want %q", v.SessionToken, err, want)
			}
		}
		is("1")
		time.Sleep(7 * time.Minute)
		is("1")
		time.Sleep(2 * time.Minute)
		is("2")
		p.fails = true
		time.Sleep(8*time.Minute + time.Second)
		is("2")
		asked := p.times
		is("2")
		if p.times != asked {
			t.Errorf("asked %d times more, want none for a while", p.times-asked)
		}
		time.Sleep(time.Minute)
		is("")
		p.fails = false
		is(fmt.Sprint(p.times + 1))
	})
}

// A store that does not take credentials any more is asked again with others.
func TestClient_ExpiredToken_IsRenewed(t *testing.T) {
	s := buckettest.NewServer(t, buckettest.Vices{Fault: func(r buckettest.Received) buckettest.Fault {
		if r.Header.Get("X-Amz-Security-Token") == "1" {
			return buckettest.Expired()
		}
		return buckettest.Fault{}
	}})
	c := open(t, s)
	c.identity = &identity{provider: &renewing{ends: time.Hour}, renews: true, source: "a test"}
	c.identity.lease.Get = c.identity.get
	s.AccessKey = "KEY"
	_, err := c.Put(t.Context(), "x", store.Bytes("x"), 1)
	if e := buckettest.Failure(t, err); !e.Temporary {
		t.Errorf("got error %v, want one that is temporary", err)
	}
	if _, err := c.Put(t.Context(), "x", store.Bytes("x"), 1); err != nil {
		t.Error(err)
	}
}

// certificate is that of a server, as PEM.
func certificate(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}
