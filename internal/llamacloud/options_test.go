package llamacloud

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestOptions_Validate_BaseURL(t *testing.T) {
	tests := []struct {
		url, problem string
		insecure     bool
	}{
		{url: ""},
		{url: "https://api.cloud.eu.llamaindex.ai"},
		{url: "https://llama.example.com/prefix/"},
		{url: "http://127.0.0.1:8080"},
		{url: "http://127.1.2.3"},
		{url: "http://[::1]:8080"},
		{url: "http://LOCALHOST"},
		{url: "http://example.com", insecure: true},
		{url: "http://example.com", problem: "use https, or pass --insecure-http"},
		{url: "http://localhost.example.com", problem: "--insecure-http"},
		{url: "http://127.0.0.1.example.com", problem: "--insecure-http"},
		{url: "http://10.0.0.1", problem: "--insecure-http"},
		{url: "ftp://example.com", problem: "give one such as"},
		{url: "example.com", problem: "give one such as"},
		{url: "localhost:8080", problem: "give one such as"},
		{url: "https://", problem: "give one such as"},
		{url: "https://me:hidden@example.com", problem: "user name"},
		{url: "https://example.com?token=hidden", problem: "query"},
		{url: "https://example.com?", problem: "query"},
		{url: "https://example.com#hidden", problem: "fragment"},
		{url: "https://example.com#", problem: "fragment"},
		{url: "https://hid\x00den.example.com", problem: "not a valid URL"},
	}
	for _, test := range tests {
		err := Options{BaseURL: test.url, Key: canaryKey(t), InsecureHTTP: test.insecure}.Validate()
		if test.problem == "" {
			if err != nil {
				t.Errorf("%q: %v", test.url, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%q: got %v, want an error with %q", test.url, err, test.problem)
		} else if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error shows too much: %v", test.url, err)
		}
	}
}

func TestOptions_Validate_NamesFieldAndValue(t *testing.T) {
	tests := []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Key = Key{} }, "no API key"},
		{func(o *Options) { o.HeaderTimeout = -time.Second }, "header timeout -1s"},
		{func(o *Options) { o.IdleTimeout = -1 }, "idle timeout -1ns"},
		{func(o *Options) { o.MaxPause = -time.Minute }, "max pause -1m0s"},
		{func(o *Options) { o.Concurrency = -2 }, "concurrency -2"},
		{func(o *Options) { o.MaxAttempts = -3 }, "max attempts -3"},
		{func(o *Options) { o.MaxBlobSize = math.MaxInt64 }, "max blob size 9223372036854775807"},
		{func(o *Options) { o.Rate.PerSecond = -0.5 }, "rate -0.5"},
		{func(o *Options) { o.Rate.PerSecond = math.NaN() }, "rate NaN"},
		{func(o *Options) { o.Rate.PerSecond = math.Inf(1) }, "rate +Inf"},
		{func(o *Options) { o.UserAgent = "a\r\nb" }, `user agent "a\r\nb"`},
	}
	for _, test := range tests {
		o := Options{Key: canaryKey(t)}
		test.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want an error with %q", err, test.want)
		}
		if _, err := New(o); err == nil {
			t.Errorf("New accepts what Validate refuses (%s)", test.want)
		}
	}
}
