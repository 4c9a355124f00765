package llamacloud

import (
	"context"
	"fmt"
	"net/url"
)

// first returns where the request is sent first: to the API, unless there is a link already.
func (k *call) first(ctx context.Context) (*url.URL, error) {
	if k.link = nil; k.links == nil {
		return k.url, nil
	}
	link, err := k.links(ctx, k.dead)
	if err != nil {
		return nil, err
	}
	return k.follows(link)
}

// takeLink closes the answer, and returns where it leads.
func (k *call) takeLink(a *answer) (*url.URL, error) {
	defer a.body.Close()
	s := newStream(a.body, a.length, maxLink)
	v, err := s.value()
	var link PresignedURL
	if err == nil {
		link, err = v.presignedURL()
	}
	if err == nil {
		err = s.end()
	}
	if err == nil {
		err = link.check()
	}
	if err != nil {
		return nil, a.fail(ClassMalformed, fmt.Errorf("decode answer: %w", err))
	}
	return k.follows(link)
}

// maxLink bounds in bytes an answer that is a link.
const maxLink = 1 << 20

// follows returns the URL of a link that is followed from now on. What it must not lead to is the same as that of a redirect.
func (k *call) follows(link PresignedURL) (*url.URL, error) {
	to, err := redirectTarget(k.client.base, k.client.base, link.URL)
	if err != nil {
		return nil, k.fail(k.client.base, ClassRedirect, err)
	}
	if k.link = to; k.blob && !sameOrigin(k.client.base, to) {
		k.client.origins.blobs.saw(to)
	}
	return to, nil
}
