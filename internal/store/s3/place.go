package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"gopkg.in/ini.v1"
)

// profile is what the files of AWS say under one name. Nil says nothing.
type profile struct {
	name     string
	sections []*ini.Section
}

// ErrNoProfile says that no file has the profile that AWS_PROFILE names.
var ErrNoProfile = errors.New("neither ~/.aws/credentials nor ~/.aws/config has it")

// readProfile reads what AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE have of the profile that AWS_PROFILE names, or of "default".
func readProfile(variable func(string) string) (*profile, error) {
	home, _ := os.UserHomeDir()
	name := variable("AWS_PROFILE")
	p := &profile{name: cmp.Or(name, "default")}
	for _, file := range []struct{ path, section string }{
		{cmp.Or(variable("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials")), p.name},
		{cmp.Or(variable("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config")), "profile " + p.name},
	} {
		text, err := os.ReadFile(file.path)
		if errors.Is(err, fs.ErrNotExist) || name == "" && errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the files of AWS: %w", err)
		}
		read, err := ini.LoadSources(ini.LoadOptions{AllowNestedValues: true, SkipUnrecognizableLines: true}, text)
		if err != nil {
			return nil, fmt.Errorf("read %s: it is not as the files of AWS are", file.path)
		}
		for _, name := range []string{file.section, p.name} {
			if s, err := read.GetSection(name); err == nil && len(s.Keys()) > 0 {
				p.sections = append(p.sections, s)
				break
			}
		}
	}
	if len(p.sections) > 0 {
		return p, nil
	}
	if name != "" {
		return nil, fmt.Errorf("find the profile %q of AWS_PROFILE: %w", name, ErrNoProfile)
	}
	return nil, nil
}

// value returns what the profile has under a key; "" where it has nothing.
func (p *profile) value(key string) string {
	if p == nil {
		return ""
	}
	for _, s := range p.sections {
		if v := strings.TrimSpace(s.Key(key).Value()); v != "" {
			return v
		}
	}
	return ""
}

// findPlace returns where the store is. The region is empty where AWS has to be asked.
func findPlace(o Options, p *profile) (endpoint *url.URL, region string, err error) {
	region = cmp.Or(o.Region, o.Variable("AWS_REGION"), o.Variable("AWS_DEFAULT_REGION"), p.value("region"))
	text, origin := o.Endpoint, "the endpoint"
	if text == "" && !strings.EqualFold(o.Variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		for _, name := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
			if text == "" {
				text, origin = o.Variable(name), name
			}
		}
		if text == "" {
			text, origin = p.value("endpoint_url"), "endpoint_url of the profile "+p.nameOf()
		}
	}
	if text == "" {
		return awsEndpoint(region), region, nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, "", fmt.Errorf("%s is not the URL of a store, such as https://s3.example.com:9000", origin)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, "", fmt.Errorf("%s has more than a scheme, a host and a port: name the store itself, such as https://s3.example.com:9000", origin)
	}
	u.Path, u.RawPath = "", ""
	if region == "" {
		region = s3utils.GetRegionFromURL(*u)
	}
	if region == "" && !s3utils.IsAmazonEndpoint(*u) {
		region = defaultRegion
	}
	return u, region, nil
}

// defaultRegion is what stores take that have no regions.
const defaultRegion = "us-east-1"

func (p *profile) nameOf() string {
	if p == nil {
		return ""
	}
	return p.name
}

// awsEndpoint is that of AWS in a region.
func awsEndpoint(region string) *url.URL {
	suffix := ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		suffix += ".cn"
	}
	return &url.URL{Scheme: "https", Host: "s3." + cmp.Or(region, defaultRegion) + suffix}
}

// findRegion asks AWS where the bucket is, which it tells everybody, and goes there.
func (c *Client) findRegion(ctx context.Context) (string, error) {
	r := &http.Request{Method: http.MethodHead, URL: c.url("", nil), Header: http.Header{}}
	a, err := c.line.Send(ctx, r, "find the region of", c.bucket)
	if err != nil {
		return "", err
	}
	a.Close()
	region := a.Header.Get(regionHeader)
	if region == "" || strings.ContainsFunc(region, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return "", fmt.Errorf("find the region of %s: AWS answered %d and named none: give it in AWS_REGION", c, a.StatusCode)
	}
	if c.endpoint.Host == awsEndpoint("").Host {
		c.endpoint = awsEndpoint(region)
	}
	return region, nil
}

// regionHeader is where AWS says in which region a bucket is.
const regionHeader = "X-Amz-Bucket-Region"
