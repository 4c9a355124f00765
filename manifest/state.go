package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"

	"github.com/cespare/xxhash/v2"

	"exporter/internal/store"
)

// stateTries is how often the state of an export is read again that commits meanwhile.
const stateTries = 5

// State returns what tells the tables of the export in r from those that it has after another commit: 16 hexadecimal digits; "" where there is no
// table. Of each table it reads no more than the last few bytes, in which exporter keeps a checksum of all of it. It is no error where one is damaged.
func State(ctx context.Context, r store.Reader) (state string, err error) {
	for range stateTries {
		state, err = readState(ctx, r)
		if !errors.Is(err, fs.ErrNotExist) {
			return state, err
		}
	}
	return state, err
}

// TableNames returns the names of all tables that the export in r may have: the parts of its commit log, and those of IsFinal, which may be missing.
func TableNames(ctx context.Context, r store.Reader) (names []string, err error) {
	for _, s := range []series{fileSeries(r), pageSeries(r), assetSeries(r)} {
		numbers, err := s.parts(ctx)
		if err != nil {
			return nil, err
		}
		names = append(append(names, s.partNames(numbers)...), s.name)
	}
	return names, nil
}

// IsFinal tells whether a name is that of manifest.parquet, files.parquet or pages.parquet.
func IsFinal(name string) bool {
	return name == AssetsName || name == FilesName || name == PagesName
}

func readState(ctx context.Context, r store.Reader) (string, error) {
	names, err := TableNames(ctx, r)
	if err != nil {
		return "", err
	}
	sum, count := sha256.New(), 0
	for _, name := range names {
		err := addState(ctx, sum, r, name)
		switch {
		case IsFinal(name) && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		default:
			count++
		}
	}
	if count == 0 {
		return "", nil
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// addState adds a table to a sum.
func addState(ctx context.Context, to hash.Hash, r store.Reader, name string) (err error) {
	o, err := r.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	content, err := sumOfAll(o)
	if err == nil {
		fmt.Fprintf(to, "%s %d %016x\n", name, o.Size(), content)
	}
	return err
}

// sumOfAll returns the checksum of a table: that of the checksums of all of its blocks. Of what has none it reads everything.
func sumOfAll(o store.Object) (uint64, error) {
	if sum, ok, err := storedSum(o); ok || err != nil {
		return sum, err
	}
	all := xxhash.New()
	_, err := io.Copy(all, io.NewSectionReader(o, 0, o.Size()))
	return all.Sum64(), err
}

// storedSum returns the checksum that a table ends with, if it has one.
func storedSum(o store.Object) (sum uint64, ok bool, err error) {
	end, err := readBytes(o, o.Size()-int64(footerEnd), footerEnd)
	if err != nil {
		return 0, false, ignoreUntrusted(err)
	}
	footer := o.Size() - int64(footerEnd) - int64(binary.LittleEndian.Uint32(end))
	trailer, err := readBytes(o, footer-int64(trailerSize), trailerSize)
	if err != nil {
		return 0, false, ignoreUntrusted(err)
	}
	if !slices.Equal(trailer[:len(sumMagic)], []byte(sumMagic)) {
		return 0, false, nil
	}
	return binary.LittleEndian.Uint64(trailer[trailerSize-sumSize:]), true, nil
}

// ignoreUntrusted returns an error but for one that says that a file is not as it should be.
func ignoreUntrusted(err error) error {
	if errors.Is(err, errUntrusted) {
		return nil
	}
	return err
}
