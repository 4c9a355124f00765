package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// signer signs URLs that need no key. Those that are for different purposes have different signatures.
type signer struct{ key [sha256.Size]byte }

func newSigner(purpose string, seed uint64) signer {
	return signer{sha256.Sum256(binary.BigEndian.AppendUint64([]byte(purpose), seed))}
}

func (s signer) sign(text string) string {
	m := hmac.New(sha256.New, s.key[:])
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// presigned returns the download_url of a file as JSON, or null when there is no file.
func (s *Server) presigned(x *exchange, fileID string) json.RawMessage {
	if fileID == "" {
		return json.RawMessage("null")
	}
	at := time.Now().Add(s.linkLife).Truncate(time.Second)
	expires := strconv.FormatInt(at.Unix(), 10)
	query := url.Values{"expires": {expires}, "signature": {s.signer.sign(expires + " " + fileID)}}
	return object{
		{"expires_at", timestamp(at)},
		{"url", quote(x.origin() + "/download/" + url.PathEscape(fileID) + "?" + query.Encode())},
		{"form_fields", json.RawMessage("null")},
	}.bytes()
}

// download answers with the bytes of an uploaded file. A recording holds pictures but no documents.
func (s *Server) download(x *exchange) reply {
	id, expires := x.params[0], x.query.Get("expires")
	if !hmac.Equal([]byte(s.signer.sign(expires+" "+id)), []byte(x.query.Get("signature"))) {
		return detail(http.StatusForbidden, "The signature does not match")
	}
	if at, err := strconv.ParseInt(expires, 10, 64); err != nil || time.Now().Unix() >= at {
		return detail(http.StatusForbidden, "The URL has expired")
	}
	s.corpus.mu.RLock()
	defer s.corpus.mu.RUnlock()
	f, ok := s.corpus.files[id]
	if !ok || f.content == nil || f.content.data == nil {
		return notFound("Content")
	}
	return answerBlob(newMemoryBlob(f.content.data, "application/octet-stream"))
}
