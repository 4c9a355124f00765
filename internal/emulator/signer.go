package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// signer signs URLs that need no key.
type signer struct{ key [sha256.Size]byte }

func newSigner(seed uint64) signer {
	return signer{sha256.Sum256(binary.BigEndian.AppendUint64([]byte("storage"), seed))}
}

func (s signer) sign(text string) string {
	m := hmac.New(sha256.New, s.key[:])
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}
