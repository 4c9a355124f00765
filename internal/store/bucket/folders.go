package bucket

import (
	"context"
	"strings"
)

// Folders returns the names of the folders below a prefix of a bucket, but for those whose names begin with a text. However many objects there are, it
// asks once for each name that it returns, and twice more, where the store can list from a key on.
func Folders(ctx context.Context, client Client, prefix, passOver string, o Options) ([]string, error) {
	r, err := newReader(client, prefix, &o)
	if err != nil {
		return nil, err
	}
	var names []string
	for after := ""; ; {
		name, err := r.firstFolder(ctx, after)
		if err != nil || name == "" {
			return names, err
		}
		// Nothing that begins so comes behind it.
		after = passOver + "\U0010FFFF"
		if passOver == "" || !strings.HasPrefix(name, passOver) {
			names = append(names, name)
			after = name + "/\U0010FFFF"
		}
	}
}

// Names returns the names of the folders and of the objects right below a prefix of a bucket, asking once for a thousand of them.
func Names(ctx context.Context, client Client, prefix string, o Options) (folders, objects []string, err error) {
	r, err := newReader(client, prefix, &o)
	if err != nil {
		return nil, nil, err
	}
	for info, err := range r.client.allOf(ctx, r.client.Level, "", "") {
		if err != nil {
			return nil, nil, err
		}
		name, isFolder := strings.CutSuffix(info.Key, "/")
		switch {
		case name == "":
			// It is what stands for the prefix itself.
		case isFolder:
			folders = append(folders, name)
		default:
			objects = append(objects, name)
		}
	}
	return folders, objects, nil
}

// HasFolder tells whether a folder below a prefix of a bucket has a name that begins with a text.
func HasFolder(ctx context.Context, client Client, prefix, begin string, o Options) (bool, error) {
	r, err := newReader(client, prefix, &o)
	if err != nil {
		return false, err
	}
	// Names that begin so come first of those behind it.
	name, err := r.firstFolder(ctx, begin)
	return strings.HasPrefix(name, begin) && name != "", err
}

// firstFolder returns the name of the first folder that has a key behind another one; "" where there is none.
func (r *Reader) firstFolder(ctx context.Context, after string) (string, error) {
	for info, err := range r.client.all(ctx, "", after) {
		if err != nil {
			return "", err
		}
		if name, _, isFolder := strings.Cut(info.Key, "/"); isFolder && name != "" {
			return name, nil
		}
	}
	return "", nil
}
