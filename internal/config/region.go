package config

import (
	"fmt"
	"net/url"
	"strings"
)

// Region is one of those that LlamaCloud is in. The API key of one is refused by the other.
type Region string

// The regions.
const (
	RegionNorthAmerica Region = "na"
	RegionEurope       Region = "eu"
)

// Regions returns all regions.
func Regions() []Region { return []Region{RegionNorthAmerica, RegionEurope} }

// Host returns the name of the region's host.
func (r Region) Host() string {
	if r == RegionEurope {
		return "api.cloud.eu.llamaindex.ai"
	}
	return "api.cloud.llamaindex.ai"
}

// RegionOf returns the region whose host this is, or "". The host may have the port of https.
func RegionOf(host string) Region {
	host = strings.TrimSuffix(host, ":443")
	for _, r := range Regions() {
		if r.Host() == host {
			return r
		}
	}
	return ""
}

// regionField takes a region, or an empty text for none.
func regionField(p *Region) field {
	parse := func(text string) (Region, error) {
		r := Region(text)
		if r != "" && r != RegionNorthAmerica && r != RegionEurope {
			return "", fmt.Errorf("%s is not a region", quote(text))
		}
		return r, nil
	}
	format := func(r Region) string { return string(r) }
	return scalar(field{typ: TypeString, placeholder: "REGION", allowed: `"na" or "eu"; empty for base_url`}, p, parse, format)
}

// settleRegion makes the address of the region, where there is one, that of the API. One that is given beside it has to be the same.
func (c *Config) settleRegion() error {
	if c.API.Region == "" {
		return nil
	}
	u := &url.URL{Scheme: "https", Host: c.API.Region.Host()}
	from := c.origins[regionPath]
	if given, ok := c.origins[apiPath]; ok && c.API.BaseURL.String() != u.String() {
		problem := fmt.Sprintf("the region %q is at %q, and %s says that the API is at %q", c.API.Region, u, given.text, c.API.BaseURL)
		return from.fail(regionPath, problem, "leave one of them out")
	}
	c.API.BaseURL, c.origins[apiPath] = u, from
	return nil
}

// regionPath is the path of the key that names the region.
const regionPath = "api.region"
