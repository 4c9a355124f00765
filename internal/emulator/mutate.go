package emulator

import (
	"fmt"
	"slices"
	"time"
)

// The methods of this file change what is upstream of an export without a request, as other users of the API would.

// Touch sets updated_at of every directory file that refers to a file.
func (c *Corpus) Touch(fileID string, at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.fileByID("touch file", fileID)
	if err != nil {
		return err
	}
	at = at.Truncate(time.Microsecond)
	f.modified = at
	for d := range c.directories.all() {
		for _, e := range d.entries {
			if e.fileID == fileID {
				e.edit(at)
			}
		}
	}
	return nil
}

// PutAsset adds an asset to a file, or replaces the one with the same kind, page and name in its place. It does not
// touch the file.
func (c *Corpus) PutAsset(fileID string, spec AssetSpec) error {
	return c.changePictures("put asset of file", fileID, func(a *album) {
		p := spec.picture(fileID)
		i := slices.IndexFunc(a.listed, func(o picture) bool { return o.pictureKey == p.pictureKey })
		if i < 0 {
			a.add(p)
			return
		}
		a.listed[i] = p
		a.blobs[p.pictureKey] = p.blob
	})
}

// RemoveAsset takes an asset out of a file's listing and forgets its blob; it is no error when there is none. It does
// not touch the file.
func (c *Corpus) RemoveAsset(fileID string, kind Kind, page int64, name string) error {
	key := pictureKey{kind, page, name}
	return c.changePictures("remove asset of file", fileID, func(a *album) {
		a.listed = slices.DeleteFunc(a.listed, func(p picture) bool { return p.pictureKey == key })
		delete(a.blobs, key)
	})
}

// RemoveFile forgets a file and every directory file that refers to it, without a trace in any listing.
func (c *Corpus) RemoveFile(fileID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.fileByID("remove file", fileID); err != nil {
		return err
	}
	delete(c.files, fileID)
	delete(c.attachments, fileID)
	c.unsort()
	c.order = slices.DeleteFunc(c.order, func(f *file) bool { return f.id == fileID })
	for d := range c.directories.all() {
		for _, e := range slices.Clone(d.entries) {
			if e.fileID == fileID {
				delete(c.attachments, e.id)
				d.remove(e)
			}
		}
	}
	return nil
}

func (c *Corpus) changePictures(verb, fileID string, change func(*album)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.fileByID(verb, fileID)
	if err != nil {
		return err
	}
	a := albumOf(f.pictures)
	change(a)
	f.pictures = a
	return nil
}

func (c *Corpus) fileByID(verb, fileID string) (*file, error) {
	f, ok := c.files[fileID]
	if !ok {
		return nil, fmt.Errorf("%s: the corpus has no file %q", verb, fileID)
	}
	return f, nil
}

// edit replaces members of what is listed for e, sets updated_at, and leaves everything else as it was. An entry whose
// Raw is no JSON object is listed as it was.
func (e *entry) edit(at time.Time, members ...member) {
	e.updated = at
	o, err := parseObject(e.listed)
	if err != nil {
		return
	}
	for _, m := range append(members, member{"updated_at", timestamp(at)}) {
		o = o.set(m.name, m.value)
	}
	e.listed = o.bytes()
}

// nextUpdate returns the time of a write to e: now, but later than the last one in the microseconds that are listed.
func (e *entry) nextUpdate() time.Time {
	now := time.Now().UTC().Truncate(time.Microsecond)
	if !now.After(e.updated) {
		return e.updated.Add(time.Microsecond)
	}
	return now
}
