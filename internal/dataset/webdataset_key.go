package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// largestKey is the longest key, in bytes, whose members have names that USTAR takes, which are at most 100 bytes long.
const largestKey = 100 - len("."+columnsField)

// sampleKey returns the key of a sample by its name. Different names have different keys. A key is what readers of shards take without
// surprise: ASCII without blanks, as DALI's index has it, without a dot, at which a key ends, without a '/', and it does not begin with
// '_': samples whose keys begin with "__" are left out. '/' is '+' in it, '.' is '=', and any other byte than a letter, a digit, '-', '_'
// or '~' is '%' and two hex digits.
func sampleKey(name string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteByte('+')
		case c == '.':
			b.WriteByte('=')
		case isKeyByte(c) && (c != '_' || i > 0):
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	key := b.String()
	if len(key) < largestKey && key != "" {
		return key
	}
	// Only keys that were cut have the full length. What tells them apart is as good as the whole name.
	sum := sha256.Sum256([]byte(name))
	suffix := "~" + hex.EncodeToString(sum[:16])
	return key[:min(len(key), largestKey-len(suffix))] + suffix
}

func isKeyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '~'
}
