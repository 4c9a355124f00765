package governor

import (
	"testing"
	"testing/synctest"
)

// Where more than a fifth of the others are throttled as well, each counted once, three times as many attempts are enough.
func TestRequest_Hopeless_ManyOthersThrottled(t *testing.T) {
	for _, tt := range []struct{ accepted, throttled, want int }{{4, 1, 6}, {3, 1, 18}, {1, 5, 18}} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := newGovernor(Options{})
			throttle := func(r *Request) {
				t.Helper()
				if _, err := mustAdmit(t, g).Throttled(r, Delay{Wait: 1, Unit: 1}, nil); err != nil {
					t.Fatal(err)
				}
			}
			var request Request
			for n := 1; !request.Hopeless(6); n++ {
				if n > 20 {
					t.Fatalf("not hopeless after %d attempts", n-1)
				}
				throttle(&request)
				for range tt.throttled {
					throttle(new(Request))
				}
				for range tt.accepted {
					mustAdmit(t, g).Accepted(nil)
				}
			}
			if got := request.Throttled(); got != tt.want {
				t.Errorf("%d others accepted and %d throttled each time: hopeless after %d attempts, want %d",
					tt.accepted, tt.throttled, got, tt.want)
			}
		})
	}
}
