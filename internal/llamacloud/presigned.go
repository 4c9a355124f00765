package llamacloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// PresignedURL gives access to a file to everyone who knows it. It must not be logged; where it is marshalled, what grants the
// access is left out: the URL's query, and the fields of a form.
type PresignedURL struct {
	URL        string                      `json:"url"`
	ExpiresAt  Optional[Timestamp]         `json:"expires_at,omitzero"`
	FormFields Optional[map[string]string] `json:"form_fields,omitzero"`
}

func (v value) presignedURL() (u PresignedURL, err error) {
	var o object
	if err := o.parse(v); err != nil {
		return u, err
	}
	if u.URL, err = need(&o, "url", value.text); err != nil {
		return u, err
	}
	u.ExpiresAt = o.timestamp("expires_at")
	u.FormFields = read(&o, "form_fields", value.texts)
	return u, nil
}

// texts returns an object of strings.
func (v value) texts() (map[string]string, error) {
	var o object
	if err := o.parse(v); err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(o.members))
	for _, m := range o.members {
		text, err := m.value.text()
		if err != nil {
			return nil, err
		}
		texts[spellString(m.name)] = text
	}
	return texts, nil
}

// String leaves out what MarshalJSON does.
func (u PresignedURL) String() string { return u.public().URL }

// MarshalJSON leaves out the query of the URL and the form's fields.
func (u PresignedURL) MarshalJSON() ([]byte, error) {
	type plain PresignedURL
	return json.Marshal(plain(u.public()))
}

// public returns what shows to nobody how to get access.
func (u PresignedURL) public() PresignedURL {
	public := PresignedURL{URL: u.URL, ExpiresAt: u.ExpiresAt}
	if i := strings.IndexAny(u.URL, "?#"); i >= 0 {
		public.URL = u.URL[:i]
	}
	return public
}

// errForm says that a link is for sending a form.
var errForm = errors.New("form_fields: the link takes a form, and gives nothing")

// presigned does the call, whose answer is a link to download from.
func (k *call) presigned(ctx context.Context) (u PresignedURL, err error) {
	err = k.stream(ctx, k.client.maxJSON, func(s *stream) error {
		v, err := s.value()
		if err != nil {
			return err
		}
		if u, err = v.presignedURL(); err != nil {
			return err
		}
		return u.check()
	})
	if err != nil {
		return PresignedURL{}, err
	}
	return u, nil
}

// check says what is wrong with a link to download from.
func (u PresignedURL) check() error {
	switch fields, _ := u.FormFields.Get(); {
	case u.URL == "":
		return errors.New("url is empty")
	case len(fields) > 0:
		return errForm
	}
	return nil
}

// linkOf returns a link that comes without the time when it expires, which is in the link itself where Amazon's Signature Version 4
// is used, or its like.
func linkOf(link string) PresignedURL {
	u := PresignedURL{URL: link}
	parsed, err := url.Parse(link)
	if err != nil {
		return u
	}
	q := parsed.Query()
	signed, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	if err != nil {
		return u
	}
	seconds, err := strconv.ParseUint(q.Get("X-Amz-Expires"), 10, 31)
	if err != nil {
		return u
	}
	u.ExpiresAt = Value(Timestamp{signed.Add(time.Duration(seconds) * time.Second)})
	return u
}
