package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// runEmulate runs "exporter emulate" with the arguments until the script ends, and points exporter to it. STORAGE is the URL
// of the storage origin, or empty.
func runEmulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: emulate ARGUMENT...")
	}
	read, write := io.Pipe()
	stop, ended := make(chan struct{}), make(chan int)
	var stderr strings.Builder
	a := &app{stdin: strings.NewReader(""), stdout: write, stderr: &stderr, stop: stop}
	go func() {
		code := run(context.Background(), a, append([]string{"emulate", "--key", canaryKey}, args...))
		write.CloseWithError(io.EOF)
		ended <- code
	}()
	ts.Defer(func() {
		close(stop)
		if code := <-ended; code != 0 {
			ts.Logf("emulate %q: exit %d\n%s", args, code, stderr.String())
		}
	})
	lines := bufio.NewReader(read)
	for _, name := range []string{"LLAMA_CLOUD_BASE_URL", "STORAGE"} {
		ts.Setenv(name, "")
		if name == "STORAGE" && !slices.Contains(args, "--storage") && !slices.Contains(args, "redirect_other") {
			break
		}
		line, err := lines.ReadString('\n')
		ts.Check(err)
		origin, url, found := strings.Cut(strings.TrimSpace(line), " on ")
		if want := map[string]string{"LLAMA_CLOUD_BASE_URL": "listening", "STORAGE": "storage"}[name]; !found || origin != want {
			ts.Fatalf("emulate printed %q, want %q and a URL", line, want+" on")
		}
		ts.Setenv(name, url)
	}
	ts.Setenv("LLAMA_CLOUD_API_KEY", canaryKey)
}

// get asks for a path of the API with the key, or for a URL as it is, and prints status and headers. Redirects are not
// followed: LOCATION is where they lead.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: get PATH|URL")
	}
	r, err := http.NewRequest("GET", args[0], nil)
	if strings.HasPrefix(args[0], "/") {
		r, err = http.NewRequest("GET", ts.Getenv("LLAMA_CLOUD_BASE_URL")+args[0], nil)
		ts.Check(err)
		r.Header.Set("Authorization", "Bearer "+canaryKey)
	}
	ts.Check(err)
	res, err := http.DefaultTransport.RoundTrip(r)
	ts.Check(err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), res.StatusCode)
	ts.Check(res.Header.Write(ts.Stdout()))
	ts.Setenv("LOCATION", res.Header.Get("Location"))
}
