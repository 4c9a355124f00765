package emulator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// cursors makes and reads page tokens. A token is the seq of the last item that was listed, encrypted, and bound to the
// query: items that come or go under way disturb nothing, and a token tells nothing and cannot be made up.
type cursors struct{ aead cipher.AEAD }

// newCursors derives the key from seed, so that tokens outlive a restart of the emulator.
func newCursors(seed uint64) (cursors, error) {
	key := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("page_token"), seed))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return cursors{}, fmt.Errorf("make cursors: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return cursors{}, fmt.Errorf("make cursors: %w", err)
	}
	return cursors{aead}, nil
}

// seal returns a token for what comes after seq in the listing that query identifies.
func (c cursors) seal(seq uint64, query string) string {
	place := binary.BigEndian.AppendUint64(nil, seq)
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, place, []byte(query)))
}

// open returns what seal was given; ok is false for a token that seal did not make for that query.
func (c cursors) open(token, query string) (seq uint64, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	place, err := c.aead.Open(nil, nil, sealed, []byte(query))
	if err != nil || len(place) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(place), true
}
