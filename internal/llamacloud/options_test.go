package llamacloud

import (
	"math"
	"strings"
	"testing"
	"time"

	"exporter/internal/secret"
)

func TestOptions_Validate_BaseURL(t *testing.T) {
	if err := (Options{Key: canaryKey(t)}).Validate(); err == nil || err.Error() != "no base URL" {
		t.Errorf("got %v, want an error", err)
	}
	for _, test := range []struct {
		url               string
		insecure, refused bool
	}{
		{url: "https://api.cloud.eu.llamaindex.ai"},
		{url: "https://llama.example.com/prefix"},
		{url: "http://127.0.0.1:8080"},
		{url: "http://127.1.2.3"},
		{url: "http://[::1]:8080"},
		{url: "http://LOCALHOST"},
		{url: "http://example.com", insecure: true},
		{url: "http://example.com", refused: true},
		{url: "http://localhost.example.com", refused: true},
		{url: "http://127.0.0.1.example.com", refused: true},
		{url: "http://10.0.0.1", refused: true},
	} {
		err := Options{BaseURL: mustParse(t, test.url), Key: canaryKey(t), InsecureHTTP: test.insecure}.Validate()
		if (err != nil) != test.refused || test.refused && !strings.Contains(err.Error(), "use https, or pass --insecure-http") {
			t.Errorf("%s: got %v, refused is to be %v", test.url, err, test.refused)
		}
	}
}

func TestOptions_Validate_NamesFieldAndValue(t *testing.T) {
	tests := []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Key = secret.Text{} }, "no API key"},
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
		o := Options{BaseURL: mustParse(t, "https://api.test"), Key: canaryKey(t)}
		test.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want an error with %q", err, test.want)
		}
		if _, err := New(o); err == nil {
			t.Errorf("New accepts what Validate refuses (%s)", test.want)
		}
	}
}
