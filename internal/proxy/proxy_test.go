package proxy

import (
	"net/url"
	"strings"
	"testing"
)

func environ(pairs string) func(string) string {
	variables := map[string]string{}
	for pair := range strings.FieldsSeq(pairs) {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	return func(name string) string { return variables[name] }
}

func TestProxies_For_ByVariables(t *testing.T) {
	const none = "HTTPS_PROXY=p:1 NO_PROXY="
	for _, tt := range []struct{ variables, url, want string }{
		{"", "https://api.test", ""},
		{"HTTPS_PROXY=http://p:1 HTTP_PROXY=http://q:2", "https://api.test", "http://p:1"},
		{"HTTPS_PROXY=http://p:1 HTTP_PROXY=http://q:2", "http://api.test", "http://q:2"},
		{"HTTPS_PROXY=http://p:1", "http://api.test", ""},
		{"https_proxy=p:1", "https://api.test", "http://p:1"},
		{"https_proxy=p:1 HTTPS_PROXY=q:2", "https://api.test", "http://q:2"},
		{"ALL_PROXY=socks5://p:1", "https://api.test", "socks5://p:1"},
		{"all_proxy=socks5h://p:1", "http://api.test", "socks5h://p:1"},
		{"ALL_PROXY=socks5://p:1 HTTPS_PROXY=q", "https://api.test", "http://q"},
		{"ALL_PROXY=p:1", "https://127.0.0.1", ""},
		{"ALL_PROXY=p:1", "http://localhost:8080", ""},
		{"HTTP_PROXY=p:1 REQUEST_METHOD=GET", "http://api.test", ""},
		{"HTTP_PROXY=p:1 http_proxy=q:2 REQUEST_METHOD=GET", "http://api.test", "http://q:2"},

		{none + "*", "https://api.test", ""},
		{none + "api.test", "https://api.test", ""},
		{none + "API.test", "https://api.TEST", ""},
		{none + "api.test", "https://x.api.test", ""},
		{none + "pi.test", "https://api.test", "http://p:1"},
		{none + ".api.test", "https://api.test", "http://p:1"},
		{none + ".api.test", "https://x.api.test", ""},
		{none + "*.api.test", "https://x.api.test", ""},
		{none + "*.api.test", "https://api.test", "http://p:1"},
		{none + "other,,api.test:8443", "https://api.test", "http://p:1"},
		{none + "other,api.test:8443", "https://api.test:8443", ""},
		{none + "api.test:443", "https://api.test", ""},
		{none + "10.0.0.0/8", "https://10.1.2.3", ""},
		{none + "10.0.0.0/8", "https://11.1.2.3", "http://p:1"},
		{none + "10.1.2.3", "https://10.1.2.3", ""},
		{none + "10.1.2.3:80", "https://10.1.2.3", "http://p:1"},
		{none + "::ffff:10.1.2.3", "https://10.1.2.3", ""},
		{none + "fd00::/8", "https://[fd00::1]", ""},
		{none + "[fd00::1]:443", "https://[fd00::1]", ""},
		{none + "[fd00::1]", "https://[fd00::1]", ""},
		{"HTTPS_PROXY=p:1 no_proxy=api.test", "https://api.test", ""},
		{none + ":80", "https://api.test", "http://p:1"},
	} {
		p, err := Parse(environ(tt.variables))
		if err != nil {
			t.Errorf("%s: %v", tt.variables, err)
			continue
		}
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if proxy := p.For(u); proxy != nil {
			got = proxy.String()
		}
		if got != tt.want {
			t.Errorf("%s: %s goes through %q, want %q", tt.variables, tt.url, got, tt.want)
		}
	}
}

// The URL of a proxy that cannot be parsed is an error, and shows no password.
func TestParse_BadURLs_AreNamedNotShown(t *testing.T) {
	for value, want := range map[string]string{
		"http://u:sesame@":           "not the URL of a proxy (such as ",
		"http://p:port":              "not the URL of a proxy (such as ",
		"http://p:0":                 "not the URL of a proxy (such as ",
		"http://p:":                  "not the URL of a proxy (such as ",
		"p:99999":                    "not the URL of a proxy (such as ",
		"http://u:ses#ame@p:1":       "not the URL of a proxy (such as ",
		"http://u:ses%zzame@p:1":     "not the URL of a proxy (such as ",
		"\"http://p:1\"":             "not the URL of a proxy (such as ",
		"socks4://u:sesame@p:1":      `"socks4" is no scheme of a proxy (give http, https, socks5 or socks5h)`,
		"http://u:sesame@p/auto.pac": "the URL of a proxy has no path (name the proxy itself",
	} {
		for _, name := range []string{"HTTPS_PROXY", "http_proxy", "ALL_PROXY"} {
			_, err := Parse(environ(name + "=" + value))
			if err == nil || !strings.HasPrefix(err.Error(), name+": "+want) || strings.Contains(err.Error(), "same") {
				t.Errorf("%s=%s: %v, want %s: %s", name, value, err, name, want)
			}
		}
	}
}

func TestName_HasNoPassword(t *testing.T) {
	p, err := Parse(environ("ALL_PROXY=http://u:sesame@p:1"))
	if err != nil || Name(p.https) != "http://p:1" || p.https.User == nil {
		t.Errorf("%v, %v, want the proxy with its user, and a name without", p, err)
	}
}
