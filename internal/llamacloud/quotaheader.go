package llamacloud

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"exporter/internal/llamacloud/governor"
)

// quota returns what an answer says of its quota; nil where it does not say, or says what makes no sense, of which one line is
// logged.
func (c *Client) quota(a *answer) *governor.Quota {
	if !announcesQuota(a.header) {
		return nil
	}
	// The reset may be a time of day: that of the clock of who sent it.
	now, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	q, err := parseQuota(a.header, now, c.opts.MaxPause)
	if err != nil {
		if c.oddQuota.CompareAndSwap(false, true) {
			c.opts.Log(fmt.Sprintf("the headers that announce a quota are not believed: %s", c.clean(err.Error())))
		}
		return nil
	}
	return q
}

// announcesQuota tells whether there is any of the headers without which parseQuota finds none.
func announcesQuota(h http.Header) bool {
	return h[rateLimit] != nil || h[rateLimitRemaining] != nil || h[xRateLimitRemaining] != nil
}

// The headers without which there is no quota, as net/http spells them.
const (
	rateLimit           = "Ratelimit"
	rateLimitRemaining  = "Ratelimit-Remaining"
	xRateLimitRemaining = "X-Ratelimit-Remaining"
)

// parseQuota reads the headers that announce a quota, in the spellings in use, and returns nil where there are none:
//
//   - RateLimit-Policy: "default";q=20;w=60 with RateLimit: "default";r=3;t=40, of draft-ietf-httpapi-ratelimit-headers from
//     -08 on. Of several policies, that with the least left counts.
//   - RateLimit: limit=20, remaining=3, reset=40, of its draft -07, with RateLimit-Policy: 20;w=60.
//   - RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset, of its drafts up to -06, where RateLimit-Limit may have the
//     windows too: 20, 10;w=1, 20;w=60. That of the limit itself counts.
//   - X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset, whose reset is seconds from now on, or a time of day in
//     seconds or milliseconds since 1970.
//
// A quota below 1, one that is reset later than longest, a window of more than a year, or what is no number is an error.
func parseQuota(h http.Header, now time.Time, longest time.Duration) (*governor.Quota, error) {
	const year = 366 * 24 * 3600
	fields := quotaFields(h)
	if fields == nil {
		return nil, nil
	}
	var q governor.Quota
	for _, f := range []struct {
		name string
		to   *float64
	}{{"limit", &q.Limit}, {"remaining", &q.Remaining}, {"reset", &q.Reset}, {"window", &q.Window}} {
		text, ok := fields[f.name]
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("%s is %q", f.name, text)
		}
		*f.to = n
	}
	q.Reset = resetIn(q.Reset, now)
	switch {
	case fields["remaining"] == "" || fields["reset"] == "":
		return nil, nil
	case fields["limit"] != "" && q.Limit < 1:
		return nil, fmt.Errorf("the limit is %s", fields["limit"])
	case q.Remaining < 0 || q.Window < 0 || q.Window > year:
		return nil, fmt.Errorf("%s remain in a window of %s s", fields["remaining"], fields["window"])
	case q.Reset < 0:
		return nil, fmt.Errorf("the reset is %v ago", seconds(-q.Reset))
	case q.Reset > longest.Seconds():
		return nil, fmt.Errorf("the reset is in %v, more than max_pause (%v)", seconds(q.Reset), longest)
	}
	q.Limit = max(q.Limit, q.Remaining)
	return &q, nil
}

func seconds(n float64) time.Duration {
	return time.Duration(min(n, 1e9) * float64(time.Second)).Round(time.Second)
}

// resetIn turns a time of day in seconds or milliseconds since 1970 into seconds from now on. No window is as long as the
// time since 1970.
func resetIn(reset float64, now time.Time) float64 {
	const oldest = 1e9
	switch {
	case reset > 1000*oldest:
		return reset/1000 - float64(now.UnixMilli())/1000
	case reset > oldest:
		return reset - float64(now.UnixMilli())/1000
	}
	return reset
}

// quotaFields returns the numbers that the headers have, as text, by the names limit, remaining, reset and window.
func quotaFields(h http.Header) map[string]string {
	policies := parsePolicies(h.Values("RateLimit-Policy"))
	switch {
	case h.Get(rateLimit) != "":
		return rateLimitFields(h.Values(rateLimit), policies)
	case h.Get(rateLimitRemaining) != "":
		limit, windows, _ := strings.Cut(h.Get("RateLimit-Limit"), ",")
		limit = strings.TrimSpace(limit)
		return filled(map[string]string{
			"limit": limit, "remaining": h.Get(rateLimitRemaining), "reset": h.Get("RateLimit-Reset"),
			"window": policyOf(append(parsePolicies([]string{windows}), policies...), "", limit).window,
		})
	case h.Get(xRateLimitRemaining) != "":
		return filled(map[string]string{
			"limit": h.Get("X-RateLimit-Limit"), "remaining": h.Get(xRateLimitRemaining), "reset": h.Get("X-RateLimit-Reset"),
		})
	}
	return nil
}

// filled returns the fields without those that are empty, and without spaces around them.
func filled(fields map[string]string) map[string]string {
	for name, text := range fields {
		if fields[name] = strings.TrimSpace(text); fields[name] == "" {
			delete(fields, name)
		}
	}
	return fields
}

// rateLimitFields reads the field RateLimit: items with parameters, of which that with the least left counts, or the
// dictionary of draft -07.
func rateLimitFields(values []string, policies []policy) map[string]string {
	fields, member := map[string]string{}, map[string]string{}
	least := math.Inf(1)
	for _, item := range items(values) {
		name, value, isMember := strings.Cut(item, "=")
		if isMember && !strings.Contains(name, ";") {
			// limit=20, remaining=3, reset=40
			member[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
			continue
		}
		label, p := labelled(item)
		left, err := strconv.ParseFloat(p["r"], 64)
		if err != nil || left >= least {
			continue
		}
		least = left
		of := policyOf(policies, label, "")
		fields = map[string]string{"limit": of.limit, "remaining": p["r"], "reset": p["t"], "window": of.window}
	}
	if len(member) > 0 {
		fields = map[string]string{
			"limit": member["limit"], "remaining": member["remaining"], "reset": member["reset"],
			"window": policyOf(policies, "", member["limit"]).window,
		}
	}
	return filled(fields)
}

// policy is a quota and its window as they are announced, as text.
type policy struct{ name, limit, window string }

// parsePolicies returns the policies in their order. Those whose item is the quota itself have no name.
func parsePolicies(values []string) (policies []policy) {
	for _, item := range items(values) {
		label, p := labelled(item)
		if _, err := strconv.ParseFloat(label, 64); err == nil && p["q"] == "" {
			label, p["q"] = "", label
		}
		policies = append(policies, policy{label, p["q"], p["w"]})
	}
	return policies
}

// policyOf returns the first policy of a name, and of a limit where one is given; one without anything where there is none.
func policyOf(policies []policy, name, limit string) policy {
	for _, p := range policies {
		if p.name == name && (limit == "" || p.limit == limit) {
			return p
		}
	}
	return policy{}
}

// items splits the values of a field at the commas outside of quotes.
func items(values []string) []string {
	quoted := false
	return strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
}

// labelled splits an item into its name, without quotes, and its parameters.
func labelled(item string) (name string, p map[string]string) {
	name, rest, _ := strings.Cut(item, ";")
	return strings.Trim(strings.TrimSpace(name), `"`), parameters(rest)
}

// parameters reads text such as q=20;w=60.
func parameters(text string) map[string]string {
	p := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		if ok {
			p[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return p
}
