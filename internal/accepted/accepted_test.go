package accepted

import (
	"errors"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/storetest"
	"exporter/pipeline"
)

func failedAsset(name string) *pipeline.Row {
	return &pipeline.Row{
		Asset: pipeline.Asset{FileID: "f", Kind: pipeline.Figure, PageIndex: 2, FigureName: name, Origin: pipeline.OriginFile, ListedSize: new(int64(7))},
		File:  &pipeline.File{ID: "f", UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)}, Status: pipeline.Failed, Reason: "http_404: gone",
	}
}

// A failure is one that was accepted as long as neither its class, nor the date of its file, nor its listed size is another.
func TestSet_Holds_TheSameFailure(t *testing.T) {
	for name, change := range map[string]func(*pipeline.Row){
		"the same":         func(*pipeline.Row) {},
		"another message":  func(r *pipeline.Row) { r.Reason = "http_404: not there" },
		"another class":    func(r *pipeline.Row) { r.Reason = "http_403: no" },
		"another name":     func(r *pipeline.Row) { r.FigureName = "b" },
		"odd bytes":        func(r *pipeline.Row) { r.FigureName = "a\xed\xa0\x80" },
		"a newer file":     func(r *pipeline.Row) { r.File.UpdatedAt = r.File.UpdatedAt.Add(time.Second) },
		"digits of a date": func(r *pipeline.Row) { r.File.UpdatedAt = r.File.UpdatedAt.Add(-time.Nanosecond) },
		"another size":     func(r *pipeline.Row) { r.ListedSize = new(int64(8)) },
		"no size":          func(r *pipeline.Row) { r.ListedSize = nil },
	} {
		st := storetest.NewMemory(nil)
		set, err := Read(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		set.Add(OfAsset(failedAsset("a")))
		if err := set.Write(t.Context(), st); err != nil {
			t.Fatal(err)
		}
		if set, err = Read(t.Context(), st); err != nil {
			t.Fatal(err)
		}
		row := failedAsset("a")
		change(row)
		want := name == "the same" || name == "another message" || name == "digits of a date"
		f := OfAsset(row)
		if got := set.Holds(&f); got != want {
			t.Errorf("%s is held: %t", name, got)
		}
		isOther := name == "another name" || name == "odd bytes"
		if set.IsEmpty() == (want || isOther) {
			t.Errorf("after %s, nothing is accepted: %t", name, set.IsEmpty())
		}
		if err := set.Write(t.Context(), st); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ReadBytes(t.Context(), st, Name, maxFile); (err == nil) != (want || isOther) {
			t.Errorf("after %s, the file: %v", name, err)
		}
	}
}

func TestRead_Damaged_HasNothing(t *testing.T) {
	st := storetest.NewMemory(nil)
	if err := store.PutBytes(t.Context(), st, Name, []byte(`{"accepted":[`)); err != nil {
		t.Fatal(err)
	}
	set, err := Read(t.Context(), st)
	if _, damaged := errors.AsType[*pipeline.DamageError](err); !damaged || !set.IsEmpty() {
		t.Errorf("%+v, %v", set, err)
	}
}

func TestFailure_IsPermanent_ByClass(t *testing.T) {
	for class, want := range map[string]bool{
		"http_404": true, "http_403": true, "http_410": true, "http_422": true, "http_501": true, "not_image": true, "size_mismatch": true,
		"too_large": true, "malformed": true, "bad_id": true, "gone": true,
		"http_401": false, "http_408": false, "http_409": false, "http_425": false, "http_429": false, "http_500": false, "http_503": false,
		"timeout": false, "transport": false, "stalled": false, "slow": false, "truncated": false, "throttled": false, "tls": false, "proxy": false,
		"pending": false, "damaged": false, "": false,
	} {
		f := Failure{Reason: class + ": message"}
		if got := f.IsPermanent(); got != want {
			t.Errorf("%q is permanent: %t", class, got)
		}
	}
}
