package buckettest

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Op is what a request is to do.
type Op string

// What requests do. A create is a PUT with If-None-Match.
const (
	Put    Op = "put"
	Create Op = "create"
	Get    Op = "get"
	Head   Op = "head"
	List   Op = "list"
	Remove Op = "remove"
)

// Received is a request that has come to a Server.
type Received struct {
	Op Op
	// Key is that of the object; of a list it is the prefix, and of a removal the first key.
	Key string
	// N is how many requests of this Op came before it.
	N      int
	Header http.Header
}

// Vices are what is wrong with a Server. The zero Vices is honest.
type Vices struct {
	// IgnoreCreate passes over If-None-Match, IgnoreIfMatch over If-Match, and IgnoreRange over Range.
	IgnoreCreate, IgnoreIfMatch, IgnoreRange bool
	// Gap is how long after a create was found to be free it is stored, whoever has stored it meanwhile. CheckFirst asks whether it is free
	// before the body has come.
	Gap        time.Duration
	CheckFirst bool
	// KeepFraming keeps the framing of a streamed signature as content, and says that all is well.
	KeepFraming bool
	// ListDelay is how long a new key is missing from lists. ListOrder changes the order of keys in them.
	ListDelay time.Duration
	ListOrder func(keys []string)
	// ClockOff is how much the clock of the store is ahead.
	ClockOff time.Duration
	// Fault says what goes wrong with a request; nil lets all go well. It is called by one goroutine at a time.
	Fault func(Received) Fault
}

// Fault is what goes wrong with one request. The zero Fault is nothing.
type Fault struct {
	// Reset breaks the connection. Status answers with an error, Code, of which the text is Message.
	Reset         bool
	Status        int
	Code, Message string
	Header        map[string]string
	// After acts first, as if all were well.
	After bool
	// Cut breaks the connection in the middle of what is read.
	Cut bool
	// Each answers a removal with success, and with the error for each of its keys.
	Each bool
}

// LoseReply does what is asked for and breaks the connection.
func LoseReply() Fault { return Fault{Reset: true, After: true} }

// ResetBefore breaks the connection, and does nothing.
func ResetBefore() Fault { return Fault{Reset: true} }

// SlowDown says that there are too many requests.
func SlowDown(retryAfter string) Fault {
	return Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown", Message: "Please reduce your request rate.", Header: map[string]string{"Retry-After": retryAfter}}
}

// Broken says that something is broken, without doing anything; with After it says so of what is done.
func Broken() Fault {
	return Fault{Status: http.StatusInternalServerError, Code: "InternalError", Message: "We encountered an internal error."}
}

// Conflict says that another condition is being looked at.
func Conflict() Fault {
	return Fault{Status: http.StatusConflict, Code: "ConditionalRequestConflict", Message: "The conditional request cannot succeed due to a conflicting operation."}
}

// Denied says that something is not permitted.
func Denied() Fault {
	return Fault{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied"}
}

// Expired says that a token has ended.
func Expired() Fault {
	return Fault{Status: http.StatusBadRequest, Code: "ExpiredToken", Message: "The provided token has expired."}
}

// Elsewhere says that the bucket is in another region.
func Elsewhere(region string) Fault {
	return Fault{
		Status: http.StatusMovedPermanently, Code: "PermanentRedirect", Message: "The bucket you are attempting to access must be addressed using the specified endpoint.",
		Header: map[string]string{"X-Amz-Bucket-Region": region},
	}
}

// On is a fault of every request of some kinds.
func On(f Fault, ops ...Op) func(Received) Fault {
	return func(r Received) Fault {
		for _, op := range ops {
			if r.Op == op {
				return f
			}
		}
		return Fault{}
	}
}

// Sometimes is a fault of one in so many requests, by chance.
func Sometimes(seed uint64, oneIn int, faults ...Fault) func(Received) Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func(Received) Fault {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(oneIn) > 0 {
			return Fault{}
		}
		return faults[random.IntN(len(faults))]
	}
}
