package manifest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"exporter/internal/store"
	"exporter/pipeline"
)

// ReadInfo returns what the newest file of the export in r that says anything of the run that wrote it says; nil where there is
// none. It reads no rows and needs no lock. Files that cannot be read are passed over: those who open the ledger say what is wrong with
// them.
func ReadInfo(ctx context.Context, r store.Reader) *Info {
	assets, files, pages := assetSeries(r), fileSeries(r), pageSeries(r)
	for _, name := range slices.Concat(assets.newestFirst(ctx), files.newestFirst(ctx), pages.newestFirst(ctx)) {
		if info, err := readInfo(ctx, r, name); err == nil && info.Source != "" {
			return info
		}
	}
	return nil
}

// CheckOrigin returns an error for a file that has the place of manifest.parquet, files.parquet or pages.parquet, and is no table of an export.
// What cannot be read at all is left to those who open the ledger.
func CheckOrigin(ctx context.Context, r store.Reader) error {
	return errors.Join(checkOrigin(ctx, assetSeries(r)), checkOrigin(ctx, fileSeries(r)), checkOrigin(ctx, pageSeries(r)))
}

func checkOrigin(ctx context.Context, s series) error {
	t, err := s.load(ctx, openTable, s.name)
	if damage, ok := errors.AsType[*pipeline.DamageError](err); ok {
		return fmt.Errorf("%s is no file of exporter: %w", s.name, damage.Err)
	}
	if err != nil {
		return nil
	}
	return t.close()
}

// newestFirst returns the names of the files that a series may have.
func (s *series) newestFirst(ctx context.Context) []string {
	// Where the parts cannot be listed, the file is left.
	numbers, _ := s.parts(ctx)
	names := make([]string, 0, len(numbers)+1)
	for _, number := range slices.Backward(numbers) {
		names = append(names, s.partName(number))
	}
	return append(names, s.name)
}

// readInfo reads what is behind the row groups of a file.
func readInfo(ctx context.Context, r store.Reader, name string) (info *Info, err error) {
	o, err := r.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	// What another program wrote has no checksums, and may have kept what is asked for.
	if _, err := readChecksums(o, o.Size()); err != nil && !errors.Is(err, errNoChecksums) {
		return nil, err
	}
	pairs, err := readPairs(o)
	if err != nil {
		return nil, err
	}
	meta, err := readMeta(pairs, func() string { return "" })
	return &meta.Info, err
}

// readPairs reads the key-value metadata of a Parquet file, and nothing else of its footer: to read all takes longer the more row groups
// there are.
func readPairs(o store.Object) (pairs []format.KeyValue, err error) {
	defer catch(&err)
	end, err := readBytes(o, o.Size()-int64(footerEnd), footerEnd)
	if err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint32(end))
	text, err := readBytes(o, o.Size()-int64(footerEnd)-int64(length), length)
	if err != nil {
		return nil, err
	}
	var footer struct {
		KeyValueMetadata []format.KeyValue `thrift:"5,optional"`
	}
	err = thrift.Unmarshal(&thrift.CompactProtocol{}, text, &footer)
	return footer.KeyValueMetadata, err
}
