package parts_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"exporter/internal/parts"
	"exporter/internal/store"
	"exporter/pipeline"
)

func TestName_ParseName_ReadsWhatNameMade(t *testing.T) {
	for index, name := range map[int]string{0: "part=0000", 3: "part=0003", 9999: "part=9999", 10_000: "part=10000", parts.Most - 1: "part=99999"} {
		if got := parts.Name(index); got != name {
			t.Errorf("Name(%d) = %q, want %q", index, got, name)
		}
		if got, ok := parts.ParseName(name); got != index || !ok {
			t.Errorf("ParseName(%q) = %d, %v, want %d", name, got, ok, index)
		}
	}
	for _, name := range []string{"", "before", "part=", "part=3", "part=00003", "part=-001", "part=+001", "part=100000", "part=0x10", "Part=0003", "part=0003 "} {
		if got, ok := parts.ParseName(name); ok {
			t.Errorf("ParseName(%q) = %d, want none", name, got)
		}
	}
	if got, want := parts.Path(3), "parts/part=0003"; got != want {
		t.Errorf("Path(3) = %q, want %q", got, want)
	}
}

func TestPlan_Decode_ReadsWhatEncodeMade(t *testing.T) {
	want := parts.New(8)
	text := want.Encode()
	if got, err := parts.Decode(text); err != nil || got != want {
		t.Errorf("Decode(%s) = %v, %v, want %v", text, got, err, want)
	}
	if other := parts.New(8); other.Salt == want.Salt {
		t.Errorf("two plans have the salt %s", other.Salt)
	}
	fixed := parts.Fixed(8, "s3://bucket/prefix")
	if err := fixed.Validate(); err != nil || fixed != parts.Fixed(8, "s3://bucket/prefix") || fixed.Salt == parts.Fixed(8, "s3://bucket/other").Salt {
		t.Errorf("Fixed: %v, %v, want one salt for each text", fixed, err)
	}
	// What a later version adds without another format does not matter.
	if _, err := parts.Decode([]byte(`{"format":1,"count":8,"salt":"0123456789abcdef","more":[1]}`)); err != nil {
		t.Error(err)
	}
}

func TestPlan_Decode_RefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", `{"format":1}`, `{"format":2,"count":8,"salt":"0123456789abcdef"}`, `{"format":1,"count":0,"salt":"0123456789abcdef"}`,
		`{"format":1,"count":-1,"salt":"0123456789abcdef"}`, `{"format":1,"count":100001,"salt":"0123456789abcdef"}`,
		`{"format":1,"count":8,"salt":""}`, `{"format":1,"count":8,"salt":"0123456789ABCDEF"}`, `{"format":1,"count":8,"salt":"0123456789abcdef00"}`,
		`{"format":1,"count":8.5,"salt":"0123456789abcdef"}`, strings.Repeat(" ", 5000),
	} {
		if p, err := parts.Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%.60q) = %v, want an error", text, p)
		}
	}
}

func TestReadPlan_TellsWhatIsMissingFromWhatIsDamaged(t *testing.T) {
	dir, err := store.OwnDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := parts.ReadPlan(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing plan: %v, want fs.ErrNotExist", err)
	}
	want := parts.New(3)
	if err := dir.Create(t.Context(), parts.PlanName, want.Encode()); err != nil {
		t.Fatal(err)
	}
	if got, err := parts.ReadPlan(t.Context(), dir); err != nil || got != want {
		t.Errorf("ReadPlan = %v, %v, want %v", got, err, want)
	}
	if err := store.PutBytes(t.Context(), dir, parts.PlanName, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := parts.ReadPlan(t.Context(), dir); !isDamage(err) {
		t.Errorf("a damaged plan: %v, want a *parts.PlanError", err)
	}
}

func isDamage(err error) bool {
	_, ok := errors.AsType[*parts.PlanError](err)
	return ok
}

// The division is part of the format: another one would tear the parts of every export apart.
func TestPlan_Of_IsTheDocumentedHash(t *testing.T) {
	plan := parts.Plan{Count: 1000, Salt: "0123456789abcdef"}
	for text, key := range map[string]pipeline.FileKey{
		"file\x00182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e": {FileID: "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"},
		"job\x00pjb-1":                        {JobID: "pjb-1"},
		"entry\x00dfl-1":                      {DirectoryFileID: "dfl-1"},
		"file\x00" + strings.Repeat("x", 500): {FileID: strings.Repeat("x", 500)},
	} {
		sum := sha256.Sum256([]byte("0123456789abcdef\x00" + text))
		want := int(binary.BigEndian.Uint64(sum[:]) % 1000)
		if got := plan.Of(key); got != want {
			t.Errorf("Of(%q) = %d, want %d", text, got, want)
		}
	}
	if got, want := plan.Of(pipeline.FileKey{FileID: "a"}), 458; got != want {
		t.Errorf("Of(file a) = %d, want %d as ever", got, want)
	}
	if n := testing.AllocsPerRun(10, func() { plan.Of(pipeline.FileKey{FileID: "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"}) }); n > 0 {
		t.Errorf("Of makes %v allocations, want none", n)
	}
}

func TestPlan_Of_OneJobIsInOnePart(t *testing.T) {
	plan := parts.New(1000)
	alone, withFile := pipeline.File{JobID: "pjb-1"}, pipeline.File{JobID: "pjb-1", ID: "f", DirectoryFileID: "dfl-1"}
	if a, b := plan.Of(alone.Key()), plan.Of(withFile.Key()); a != b {
		t.Errorf("the job is in parts %d and %d", a, b)
	}
	entry, file := pipeline.File{ID: "f", DirectoryFileID: "dfl-1"}, pipeline.File{ID: "f"}
	if a, b := plan.Of(entry.Key()), plan.Of(file.Key()); a != b {
		t.Errorf("the file is in parts %d and %d", a, b)
	}
}

func TestPart_ParsePart_ReadsWhatStringMade(t *testing.T) {
	for _, text := range []string{"0/1", "3/8", "99999/100000"} {
		if p, err := parts.ParsePart(text); err != nil || p.String() != text {
			t.Errorf("ParsePart(%q) = %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "3", "/", "3/", "/8", "8/8", "9/8", "-1/8", "+1/8", "0/0", "0/100001", "1/8/2", " 1/8", "1/ 8", "0x1/8", "1e0/8", "1/99999999999999999999"} {
		if p, err := parts.ParsePart(text); err == nil {
			t.Errorf("ParsePart(%q) = %v, want an error", text, p)
		}
	}
	if got := (parts.Part{}).String(); got != "" {
		t.Errorf("the text of none is %q, want nothing", got)
	}
}

func ExamplePlan_Of() {
	plan := parts.Plan{Count: 8, Salt: "0123456789abcdef"}
	fmt.Println(plan.Of(pipeline.FileKey{FileID: "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"}))
	// Output: 0
}
