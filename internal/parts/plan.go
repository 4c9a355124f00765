package parts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"exporter/internal/store"
	"exporter/pipeline"
)

const (
	// PlanName is the file of an export in parts that says how many there are.
	PlanName = "parts.json"
	// format is the version of the file.
	format = 1
	// saltSize is how many bytes the salt has.
	saltSize = 8
	// MaxPlan bounds what is read of the file, in bytes.
	MaxPlan = 4 << 10
)

// Plan says how the files of an export are divided. It is the same for all parts of it, and never changes.
type Plan struct {
	// Count is how many parts there are, from 1 to Most.
	Count int
	// Salt makes another division than that of other exports: 16 lower case hexadecimal digits.
	Salt string
}

// New returns a plan for so many parts, with a salt by chance.
func New(count int) Plan {
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // It never fails: crypto/rand ends the program instead.
	return Plan{Count: count, Salt: hex.EncodeToString(salt[:])}
}

// Fixed returns a plan for so many parts with a salt that follows from a text: all who make one of the same text make the same.
func Fixed(count int, of string) Plan {
	sum := sha256.Sum256([]byte(of))
	return Plan{Count: count, Salt: hex.EncodeToString(sum[:saltSize])}
}

// Validate says what is wrong with a plan.
func (p Plan) Validate() error {
	if p.Count < 1 || p.Count > Most {
		return fmt.Errorf("count is %d, want 1 to %d", p.Count, Most)
	}
	if salt, err := hex.DecodeString(p.Salt); err != nil || len(salt) != saltSize || hex.EncodeToString(salt) != p.Salt {
		return fmt.Errorf("salt is %.40q, want %d lower case hexadecimal digits", p.Salt, 2*saltSize)
	}
	return nil
}

// planFile is what the file holds.
type planFile struct {
	Format int    `json:"format"`
	Count  int    `json:"count"`
	Salt   string `json:"salt"`
}

// Encode returns the text of the file, with a line feed at its end.
func (p Plan) Encode() []byte {
	text, err := json.Marshal(planFile{Format: format, Count: p.Count, Salt: p.Salt})
	if err != nil {
		panic(err) // Numbers and a string can always be encoded.
	}
	return append(text, '\n')
}

// ErrNewer says that a later version has written the file.
var ErrNewer = errors.New("it is of a newer version of exporter")

// PlanError says that the file of an export in parts cannot be understood, and what to do.
type PlanError struct {
	// File names it.
	File string
	Err  error
}

func (e *PlanError) Error() string {
	if errors.Is(e.Err, ErrNewer) {
		return fmt.Sprintf("%q cannot be read: %v (use that version)", e.File, e.Err)
	}
	return fmt.Sprintf("%q cannot be understood: %v (copy it back from where it is whole; the number of parts and the salt are in run.json of each part)",
		e.File, e.Err)
}
func (e *PlanError) Unwrap() error { return e.Err }

// Decode reads the text of the file, which may come from anybody. Fields that it does not know do not matter; another format does.
func Decode(text []byte) (Plan, error) {
	if len(text) > MaxPlan {
		return Plan{}, fmt.Errorf("it has %d bytes, want %d at most", len(text), MaxPlan)
	}
	var f planFile
	if err := json.Unmarshal(text, &f); err != nil {
		return Plan{}, err
	}
	if f.Format > format {
		return Plan{}, fmt.Errorf("%w: its format is %d, and this version knows %d", ErrNewer, f.Format, format)
	}
	if f.Format != format {
		return Plan{}, fmt.Errorf("format is %d, want %d", f.Format, format)
	}
	p := Plan{Count: f.Count, Salt: f.Salt}
	return p, p.Validate()
}

// ReadPlan reads the plan of an export. Where it is not in parts that is fs.ErrNotExist; a plan that cannot be understood is a
// *PlanError.
func ReadPlan(ctx context.Context, from store.Reader) (Plan, error) {
	text, err := store.ReadBytes(ctx, from, PlanName, MaxPlan)
	if err != nil {
		return Plan{}, err
	}
	p, err := Decode(text)
	if err != nil {
		return Plan{}, &PlanError{PlanName, err}
	}
	return p, nil
}

// Of returns the part of a file, counted from 0. The key is that under which an export knows the file, so that one that is listed in several places,
// or a job that is known with its file and without, is in one part.
//
// It is the remainder by Count of the first eight bytes, big endian, of the SHA-256 of the salt, a NUL byte, "job", "file" or "entry", a NUL byte
// and the id: that of the parse job, else that of the file, else that of the entry in its directory.
func (p Plan) Of(key pipeline.FileKey) int {
	kind, id := "entry", key.DirectoryFileID
	switch {
	case key.JobID != "":
		kind, id = "job", key.JobID
	case key.FileID != "":
		kind, id = "file", key.FileID
	}
	var room [128]byte
	text := append(room[:0], p.Salt...)
	text = append(append(text, 0), kind...)
	text = append(append(text, 0), id...)
	sum := sha256.Sum256(text)
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(p.Count))
}
