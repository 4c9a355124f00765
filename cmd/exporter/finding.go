package main

import (
	"encoding/json"
	"fmt"
	"io"

	"exporter/internal/export"
	"exporter/internal/human"
	"exporter/internal/verify"
	"exporter/manifest"
	"exporter/pipeline"
)

// finding is one line of what verify prints.
type finding struct {
	Type string `json:"type"`
	*assetName
	Path     string `json:"path"`
	Member   string `json:"member,omitempty"`
	Error    string `json:"error,omitempty"`
	Lost     *bool  `json:"lost,omitempty"`
	LostRows *int64 `json:"lost_rows,omitempty"`
	// Disowned says of an orphan that its row may be one of those that are lost and that nobody can name.
	Disowned bool `json:"disowned,omitempty"`
}

// assetName is an asset's key as JSON has it.
type assetName struct {
	key        pipeline.AssetKey
	FileID     pipeline.ID   `json:"file_id"`
	Kind       pipeline.Kind `json:"kind"`
	PageIndex  int32         `json:"page_index"`
	FigureName *string       `json:"figure_name,omitempty"`
	// JobID to UpstreamName are missing where the asset is one of a file's own routes.
	JobID        pipeline.ID     `json:"job_id,omitempty"`
	Origin       pipeline.Origin `json:"origin,omitempty"`
	UpstreamName string          `json:"upstream_name,omitempty"`
}

func newAssetName(key pipeline.AssetKey) *assetName {
	n := &assetName{key: key, FileID: key.FileID, Kind: key.Kind, PageIndex: key.PageIndex}
	if key.Kind == pipeline.Figure {
		n.FigureName = &n.key.FigureName
	}
	if key.Origin != pipeline.OriginFile {
		n.JobID, n.Origin, n.UpstreamName = key.JobID, key.Origin, key.UpstreamName
	}
	return n
}

func (f *finding) text() string {
	if f.Type == findingOrphan {
		what := fmt.Sprintf("%q", f.Path)
		if f.Member != "" {
			what = fmt.Sprintf("%q in %s", f.Member, what)
		}
		if f.Disowned {
			what += ", whose row may be one of those that are lost"
		}
		return "orphan   " + what + "\n"
	}
	where := fmt.Sprintf("%q", f.Path)
	if n := f.assetName; n != nil {
		where = fmt.Sprintf("%s of file %q in %s", export.Describe(n.key), n.FileID, where)
	}
	return fmt.Sprintf("damaged  %s: %s\n", where, human.Printable(f.Error))
}

const (
	findingDamage = "damage"
	findingOrphan = "orphan"
)

// verifySummary is the last line of verify --json.
type verifySummary struct {
	Type      string         `json:"type"`
	Blobs     int64          `json:"blobs"`
	Bytes     int64          `json:"bytes"`
	Documents int64          `json:"documents,omitempty"`
	Pages     int64          `json:"pages,omitempty"`
	Lost      int64          `json:"lost"`
	Damaged   int64          `json:"damaged"`
	Orphans   int64          `json:"orphans"`
	Seconds   export.Seconds `json:"seconds"`
}

// findingPrinter prints findings, for people or as JSON lines. It keeps the first error of writing.
type findingPrinter struct {
	out             io.Writer
	asJSON, orphans bool
	// unnamed says that rows are lost of which not even the key is known: then orphans tell which blobs they may be of.
	unnamed bool
	err     error
}

// found prints what a verification found.
func (p *findingPrinter) found(f verify.Finding) {
	if f.Err == nil {
		if p.orphans || p.unnamed {
			p.print(&finding{Type: findingOrphan, Path: f.Path, Member: f.Member, Disowned: p.unnamed})
		}
		return
	}
	line := &finding{Type: findingDamage, Path: f.Path, Error: f.Err.Error()}
	if f.Row != nil {
		line.assetName, line.Lost = newAssetName(f.Row.Key()), &f.Lost
	}
	p.print(line)
}

// table prints what is lost with a file of the ledger.
func (p *findingPrinter) table(d manifest.Damage) {
	p.unnamed = p.unnamed || d.LosesUnnamed()
	p.print(&finding{Type: findingDamage, Path: d.Path, Error: export.TableError(d), LostRows: &d.Rows})
	for _, key := range d.Assets {
		p.print(&finding{
			Type: findingDamage, assetName: newAssetName(key), Path: d.Path, Error: "the row is lost", Lost: new(true),
		})
	}
}

func (p *findingPrinter) print(f *finding) {
	if p.asJSON {
		p.printJSON(f)
		return
	}
	p.write([]byte(f.text()))
}

func (p *findingPrinter) printJSON(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		p.err = err
		return
	}
	p.write([]byte(human.Printable(string(line)) + "\n"))
}

func (p *findingPrinter) write(line []byte) {
	if p.err == nil {
		_, err := p.out.Write(line)
		p.err = unlessUnread(err)
	}
}

// summary prints what came of it all.
func (p *findingPrinter) summary(s verifySummary) {
	if p.asJSON {
		p.printJSON(s)
		return
	}
	p.write(fmt.Appendf(nil, "verified %d blobs, %s, in %s\n", s.Blobs, human.Bytes(s.Bytes), humanSeconds(s.Seconds)))
	if s.Documents > 0 {
		p.write(fmt.Appendf(nil, "document %d of the blobs\n", s.Documents))
	}
	if s.Pages > 0 {
		p.write(fmt.Appendf(nil, "pages    %d, in tables that are as they were written\n", s.Pages))
	}
	if s.Lost+s.Damaged > 0 {
		p.write(fmt.Appendf(nil, "damaged  %d of the assets, %d of the shards and other files\n", s.Lost, s.Damaged))
	}
	if s.Orphans > 0 {
		p.write(fmt.Appendf(nil, "orphans  %d of the files and members have no row, which does no harm\n", s.Orphans))
	}
}
