package config

import (
	"fmt"
	"testing"
)

const european = "https://api.cloud.eu.llamaindex.ai"

func TestLoad_Region_SaysWhereTheAPIIs(t *testing.T) {
	const official = "https://api.cloud.llamaindex.ai"
	for _, tt := range []struct {
		text    string
		environ []string
		args    []string
		want    string
	}{
		{"", nil, []string{"--region", "eu"}, european},
		{"", nil, []string{"--region", "na"}, official},
		{"[api]\nregion = 'eu'", nil, nil, european},
		{"[api]\nregion = 'eu'", []string{"EXPORTER_API_REGION=na"}, nil, official},
		{"", []string{"EXPORTER_API_REGION=na"}, []string{"--region=eu"}, european},
		{"[api]\nregion = 'eu'", nil, []string{"--region="}, official},
		{"", []string{"LLAMA_CLOUD_BASE_URL=api.cloud.eu.llamaindex.ai/api/v1/"}, []string{"--region=eu"}, european},
		{"[api]\nregion = ''\nbase_url = 'https://a.test'", nil, nil, "https://a.test"},
	} {
		c, err := load(t, tt.text, tt.environ, tt.args...)
		if err != nil || c.API.BaseURL.String() != tt.want {
			t.Errorf("%q, %q, %q: got %v, %v; want %s", tt.text, tt.environ, tt.args, c, err, tt.want)
		}
	}
}

func TestLoad_Region_RefusesAnotherAddress(t *testing.T) {
	for _, tt := range []struct{ environ, baseURL, region, want string }{
		{"", "https://a.test", "eu", `--region: the region "eu" is at "` + european + `", and --base-url says that the API is at "https://a.test" (leave one of them out)`},
		{"", european, "na", `--region: the region "na" is at "https://api.cloud.llamaindex.ai", and --base-url says that the API is at "` + european + `" (leave one of them out)`},
		{"LLAMA_CLOUD_BASE_URL=" + european + "/x", "", "eu", `--region: the region "eu" is at "` + european + `", and LLAMA_CLOUD_BASE_URL says that the API is at "` + european + `/x" (leave one of them out)`},
		{"", "", "us", `--region: "us" is not a region ("na" or "eu"; empty for base_url)`},
	} {
		args := []string{"--region", tt.region}
		if tt.baseURL != "" {
			args = append(args, "--base-url", tt.baseURL)
		}
		if _, err := load(t, "", []string{tt.environ}, args...); err == nil || err.Error() != tt.want {
			t.Errorf("%+v:\n got %v\nwant %s", tt, err, tt.want)
		}
	}
}

// An export remembers where the API is, not the region: it goes on by itself, and another region is another API.
func TestConfig_Region_IsRememberedAsAddress(t *testing.T) {
	made := remembered(t, "--region", "eu", "--project")
	if _, ok := made[regionPath]; ok || made[apiPath] != european {
		t.Fatalf("remembered: %q", made)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, european},
		{[]string{"--region", "eu"}, european},
		{[]string{"--region", "na"}, "https://api.cloud.llamaindex.ai"},
	} {
		c, err := load(t, "", nil, tt.args...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Recall(made, "out"); err != nil || c.API.BaseURL.String() != tt.want {
			t.Errorf("%q: goes on with %v, %v; want %s", tt.args, c.API.BaseURL, err, tt.want)
		}
		differences := fmt.Sprint(Narrower(made, c.SourceSettings()))
		want := "[]"
		if tt.want != european {
			want = fmt.Sprintf("[api.base_url is %q, not %q]", tt.want, european)
		}
		if differences != want {
			t.Errorf("%q: differs by %s, want %s", tt.args, differences, want)
		}
	}
}

func TestRegionOf(t *testing.T) {
	for host, want := range map[string]Region{
		"api.cloud.llamaindex.ai": RegionNorthAmerica, "api.cloud.eu.llamaindex.ai:443": RegionEurope, "": "", "llamaindex.ai": "",
		"api.cloud.llamaindex.ai.evil.test": "", "api.cloud.llamaindex.ai:80": "",
	} {
		if got := RegionOf(host); got != want {
			t.Errorf("RegionOf(%q) = %q, want %q", host, got, want)
		}
	}
}
