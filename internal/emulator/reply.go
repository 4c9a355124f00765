package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// reply is an answer that has not been sent: a body in memory, or a blob.
type reply struct {
	status      int
	header      http.Header // nil: no more than Content-Type and Content-Length
	contentType string
	body        []byte
	blob        blob
	// chunked leaves Content-Length out.
	chunked bool
}

const jsonType = "application/json"

func answerJSON(status int, body []byte) reply {
	return reply{status: status, contentType: jsonType, body: body}
}

func answerBlob(b blob) reply {
	return reply{status: http.StatusOK, contentType: b.mediaType(), blob: b}
}

// detail is FastAPI's error body.
func detail(status int, text string) reply {
	return answerJSON(status, object{{"detail", quote(text)}}.bytes())
}

func notFound(what string) reply { return detail(http.StatusNotFound, what+" not found") }

// fieldError is one item of FastAPI's error body for a request that does not validate.
type fieldError struct {
	// Location begins with "path", "query" or "body".
	Location []string `json:"loc"`
	Message  string   `json:"msg"`
	Type     string   `json:"type"`
}

func unprocessable(errs []fieldError) reply {
	body, _ := json.Marshal(map[string][]fieldError{"detail": errs})
	return answerJSON(http.StatusUnprocessableEntity, body)
}

func (r reply) with(name, value string) reply {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

// size returns the length of the body in bytes, -1 where it is not known before it was sent.
func (r reply) size() int64 {
	if r.blob != nil {
		return r.blob.size()
	}
	return int64(len(r.body))
}

// largestWhole is the size in bytes up to which answers whose size is not known before are sent with their length.
const largestWhole = 256 << 10

// small returns the reply with its body in memory, where it is small enough.
func (r reply) small() reply {
	b := bounded{most: largestWhole}
	if r.blob.writeTo(&b) != nil {
		return r
	}
	r.body, r.blob = b.Bytes(), nil
	return r
}

// bounded is a buffer that takes so many bytes.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}

// loaded returns the reply with its body in memory.
func (r reply) loaded() (reply, error) {
	if r.blob == nil {
		return r, nil
	}
	var b bytes.Buffer
	if err := r.blob.writeTo(&b); err != nil {
		return r, err
	}
	r.body, r.blob = b.Bytes(), nil
	return r, nil
}

// sendHead writes the status line and the headers.
func (r reply) sendHead(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	if r.status != http.StatusNoContent {
		h.Set("Content-Type", r.contentType)
		if !r.chunked && r.size() >= 0 {
			h.Set("Content-Length", strconv.FormatInt(r.size(), 10))
		}
	}
	w.WriteHeader(r.status)
	if r.chunked {
		// Otherwise net/http would count a short body.
		flush(w)
	}
}

// send writes the whole reply. An error means that the client is gone, or that a recorded blob could not be read.
func (r reply) send(w http.ResponseWriter) error {
	r.sendHead(w)
	if r.blob != nil {
		return r.blob.writeTo(w)
	}
	if len(r.body) == 0 {
		return nil
	}
	_, err := w.Write(r.body)
	return err
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
