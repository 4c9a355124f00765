package governor

import "fmt"

var Trace bool
var TraceFrom, TraceTo float64

func tr(now float64, f string, a ...any) {
	if Trace && now >= TraceFrom && now <= TraceTo {
		fmt.Printf("%10.3f "+f+"\n", append([]any{now}, a...)...)
	}
}
