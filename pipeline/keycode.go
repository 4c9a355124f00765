package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// keyCode is a FileKey in few bytes, from which it could be had again, but for one that is long: two keys have one code only if they
// are the same, or both are long.
type keyCode struct {
	bits [2]uint64
	form keyForm
}

// keyForm says what the bits are, and which of the ids the key is.
type keyForm uint8

const (
	// shortForm: the id itself, filled up with zeros.
	shortForm keyForm = iota
	// uuidForm: the id is a UUID in lower case. dflForm: it has directoryFilePrefix before, and pjbForm jobPrefix.
	uuidForm
	dflForm
	pjbForm
	// longForm: anything else. The bits are none.
	longForm
	// ofDirectory is added where the key is that of a file without a file_id, and ofJob where it is that of a parse job.
	ofDirectory keyForm = 1 << 6
	ofJob       keyForm = 1 << 7
)

// directoryFilePrefix is what ids of directory files begin with, and jobPrefix those of parse jobs.
const directoryFilePrefix, jobPrefix = "dfl-", "pjb-"

func (f keyForm) isLong() bool { return f&^(ofDirectory|ofJob) == longForm }

// isOfJob tells whether the key is that of a parse job.
func (f keyForm) isOfJob() bool { return f&ofJob != 0 }

// encodeKey returns the code of a key and its text.
func encodeKey(key FileKey) (keyCode, string) {
	text, of := key.FileID, keyForm(0)
	switch {
	case key.JobID != "":
		text, of = key.JobID, ofJob
	case text == "":
		text, of = key.DirectoryFileID, ofDirectory
	}
	bits, form := encodeID(text)
	return keyCode{bits, form + of}, text
}

func encodeID(text string) (bits [2]uint64, form keyForm) {
	var b [16]byte
	switch {
	case len(text) <= len(b) && !strings.Contains(text, "\x00"):
		copy(b[:], text)
		form = shortForm
	case decodeUUID(&b, text):
		form = uuidForm
	case strings.HasPrefix(text, directoryFilePrefix) && decodeUUID(&b, text[len(directoryFilePrefix):]):
		form = dflForm
	case strings.HasPrefix(text, jobPrefix) && decodeUUID(&b, text[len(jobPrefix):]):
		form = pjbForm
	default:
		return bits, longForm
	}
	return [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}, form
}

// decodeUUID reads the 16 bytes of a UUID that is spelled as UUIDs are, in lower case.
func decodeUUID(b *[16]byte, text string) bool {
	const length = 36
	if len(text) != length {
		return false
	}
	var digits [2 * len(b)]byte
	n := 0
	for i := range length {
		c := text[i]
		switch isDash := i == 8 || i == 13 || i == 18 || i == 23; {
		case isDash != (c == '-'), 'A' <= c && c <= 'F':
			return false
		case !isDash:
			digits[n] = c
			n++
		}
	}
	_, err := hex.Decode(b[:], digits[:])
	return err == nil
}
