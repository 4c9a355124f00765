// Command limits shows how the client of the API keeps a rate, and finds one: it lets the client fetch blobs from the
// emulator, which limits the rate, and prints how much of the limit was used and how much was throttled.
//
//	go run ./internal/limits                                          the table of docs/limits.md
//	go run ./internal/limits -limit 200/s -kind fixed -record run.csv one measurement, and when each request came
//	go run ./internal/limits -draw run.csv > run.svg                  a plot of a recorded run
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"exporter/internal/config"
	"exporter/internal/emulator"
	"exporter/internal/llamacloud"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "limits:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var m measurement
	limit := flag.String("limit", "", "the API's limit, such as 200/s; all of the table where it is empty")
	kind := flag.String("kind", "fixed", "how the API counts: fixed, aligned, sliding or bucket")
	header := flag.String("header", "ms", "how the API says when to come back: seconds, date, ms or none")
	given := flag.String("rate", "auto", "the client's rate")
	flag.IntVar(&m.workers, "workers", 32, "requests at once")
	flag.DurationVar(&m.length, "length", 40*time.Second, "time that the requests take at the limit")
	flag.DurationVar(&m.latency, "latency", 5*time.Millisecond, "time until the API answers")
	record := flag.String("record", "", "file to write each request to")
	drawn := flag.String("draw", "", "file of a recorded run, to be drawn to standard output")
	flag.Parse()
	if *drawn != "" {
		return drawFile(*drawn, os.Stdout)
	}
	rate, err := config.ParseRate(*given)
	if err != nil {
		return fmt.Errorf("-rate: %w", err)
	}
	m.rate = llamacloud.Rate{PerSecond: rate.PerSecond, Auto: rate.Auto}
	if *limit == "" {
		return table(ctx, m)
	}
	if m.limit, err = parseLimit(*limit); err != nil {
		return err
	}
	m.limit.Kind, m.limit.RetryAfter = emulator.LimitKind(*kind), retryAfter(*header)
	result, err := m.measure(ctx)
	if err != nil {
		return err
	}
	fmt.Println(m, result)
	if *record == "" {
		return nil
	}
	return result.record(*record, m.perSecond())
}

func retryAfter(header string) emulator.RetryAfterStyle {
	if header == "none" {
		return emulator.RetryAfterNone
	}
	return emulator.RetryAfterStyle(header)
}

// parseLimit reads a limit of requests in a second or a minute.
func parseLimit(text string) (emulator.RateLimit, error) {
	var n int
	var unit string
	if _, err := fmt.Sscanf(text, "%d/%1s", &n, &unit); err != nil || unit != "s" && unit != "m" {
		return emulator.RateLimit{}, errors.New("-limit: want requests in a second or a minute, such as 200/s or 20/m")
	}
	window := time.Second
	if unit == "m" {
		window = time.Minute
	}
	return emulator.RateLimit{Requests: n, Window: window}, nil
}

// table measures the limits of a second, each kind with each header. A limit of 20 a minute would take hours: that one is
// simulated by the tests of llamacloud.
func table(ctx context.Context, m measurement) error {
	for _, limit := range []string{"10/s", "50/s", "200/s", "1000/s"} {
		for _, kind := range emulator.LimitKinds() {
			for _, header := range []string{"ms", "seconds", "date", "none"} {
				var err error
				if m.limit, err = parseLimit(limit); err != nil {
					return err
				}
				m.limit.Kind, m.limit.RetryAfter = kind, retryAfter(header)
				result, err := m.measure(ctx)
				if err != nil {
					return err
				}
				fmt.Println(m, result)
			}
		}
	}
	return nil
}
