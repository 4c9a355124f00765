package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"exporter/internal/emulator"
	"exporter/internal/emulator/sample"
	"exporter/internal/store"
	"exporter/manifest"
	"exporter/pipeline"
)

// The scripts in testdata/script show what every command does, as a user would see it. Beside the usual commands of
// testscript they have:
//
//	emulator [OPTION=VALUE...]      serve the sample; see startScriptEmulator for the options
//	emulate ARGUMENT...             serve with the command of that name; STORAGE is the URL of its storage origin
//	get PATH|URL                    ask for a path with the key, or for a URL without; print status and headers, set LOCATION
//	exits CODE exporter ARGUMENT... run exporter and check its exit code
//	await FILE REGEXP               wait until a file matches, such as one into which another process prints
//	awaitrequests COUNT             wait until there are so many requests
//	requests COUNT [ROUTE]          check the number of requests since the last emulator or requests command
//	jsonlines FILE                  check that each line of a file, or of stdout or stderr, is a JSON object
//	rows COUNT OUT [COLUMN=VALUE...] count the manifest's rows that have these values
//	touch FILE_ID                   give a file a new updated_at upstream
//	flipbit FILE OFFSET             change a bit; an offset below 0 is one from the end
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("KEY", canaryKey)
			e.Setenv("HEADER", canaryHeader)
			e.Setenv("LLAMA_CLOUD_CUSTOM_HEADERS", gatewayHeader+": "+canaryHeader)
			// Looking for the limit of an API that has none takes time.
			e.Setenv("EXPORTER_LIMITS_RATE", "unlimited")
			// With the race detector, every process would sleep for a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			// Two directories of the sample; a directory file of the first, and its file_id.
			e.Setenv("A", "26dec090-b6dd-89e9-841f-18c3f644d9c0")
			e.Setenv("B", "981bc21a-aa46-81f8-b197-16d33a099190")
			e.Setenv("ENTRY", "bdc7e611-2fd0-800e-b383-e1a94ae8c7ba")
			e.Setenv("FILE_ID", "03517320-10c7-8d4f-9eb6-6e4a09466ae3")
			// FOLDER is where the local sink has its blobs.
			e.Setenv("FOLDER", "blobs/8b/03517320-10c7-8d4f-9eb6-6e4a09466ae3")
			e.Values[emulatorsKey{}] = &scriptEmulator{}
			e.Defer(func() { checkNoKey(t, e.WorkDir) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emulator":      startScriptEmulator,
			"emulate":       runEmulate,
			"get":           get,
			"exits":         exits,
			"await":         awaitText,
			"awaitrequests": awaitRequests,
			"requests":      countRequests,
			"jsonlines":     jsonLines,
			"rows":          countRows,
			"touch":         touch,
			"flipbit":       flipBit,
			"cmpreport":     compareReports,
		},
	})
}

// compareReports fails where two reports differ in more than when they were made.
func compareReports(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cmpreport file1 file2")
	}
	made := regexp.MustCompile(`Made on [0-9-]+ [0-9:]+ UTC`)
	a, b := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	if !made.MatchString(a) || made.ReplaceAllString(a, "") != made.ReplaceAllString(b, "") {
		ts.Fatalf("%s and %s differ, or do not say when they were made", args[0], args[1])
	}
}

type emulatorsKey struct{}

// scriptEmulator is the emulator of one script.
type scriptEmulator struct {
	server *emulator.Server
	corpus *emulator.Corpus
}

func emulatorOf(ts *testscript.TestScript) *scriptEmulator {
	return ts.Value(emulatorsKey{}).(*scriptEmulator)
}

// startScriptEmulator knows the options key=KEY, rate=N (requests in each second), latency=DURATION, faults=KIND,KIND,
// share=SHARE of faulty blobs, times=N, and routes=ROUTE,ROUTE.
func startScriptEmulator(ts *testscript.TestScript, neg bool, args []string) {
	corpus, err := emulator.LoadCorpus(sample.FS())
	ts.Check(err)
	o := emulator.Options{Corpus: corpus, Key: canaryKey, StallFor: time.Second}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "key":
			o.Key = value
		case "rate":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			o.Limit = &emulator.RateLimit{Requests: n, Window: time.Second, RetryAfter: emulator.RetryAfterMillis}
		case "latency":
			o.Latency, err = time.ParseDuration(value)
			ts.Check(err)
		case "share":
			o.Faults.Rate, err = strconv.ParseFloat(value, 64)
			ts.Check(err)
		case "times":
			o.Faults.Times, err = strconv.Atoi(value)
			ts.Check(err)
		case "faults":
			for kind := range strings.SplitSeq(value, ",") {
				o.Faults.Kinds = append(o.Faults.Kinds, emulator.FaultKind(kind))
			}
		case "routes":
			for route := range strings.SplitSeq(value, ",") {
				o.Faults.Routes = append(o.Faults.Routes, emulator.Route(route))
			}
		case "retry-after":
			o.Faults.RetryAfter = value
		default:
			ts.Fatalf("emulator has no option %q", name)
		}
	}
	e := emulatorOf(ts)
	e.corpus = corpus
	e.server, err = emulator.New(o)
	ts.Check(err)
	server := httptest.NewServer(e.server)
	ts.Defer(server.Close)
	ts.Setenv("LLAMA_CLOUD_BASE_URL", server.URL)
	ts.Setenv("LLAMA_CLOUD_API_KEY", canaryKey)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%q exits with %d, want %d", args[1:], got, want)
	}
	if showsKey(ts.ReadFile("stdout") + ts.ReadFile("stderr")) {
		ts.Fatalf("%q printed the key", args[1:])
	}
	if want != 0 {
		checkMessage(ts, ts.ReadFile("stderr"))
	}
}

// checkMessage fails unless standard error is one line of message, beside the log, which begins with a time, and a
// question. As JSON, the message is the last line, and an error.
func checkMessage(ts *testscript.TestScript, stderr string) {
	messages := 0
	for line := range strings.Lines(stderr) {
		switch {
		case strings.HasPrefix(line, "exporter: "):
			messages++
		case strings.HasPrefix(line, "{"):
			var logged struct{ Level string }
			if err := json.Unmarshal([]byte(line), &logged); err != nil || messages > 0 {
				ts.Fatalf("standard error has a line that is no JSON, or not the last one: %v: %q", err, line)
			}
			if logged.Level == "ERROR" {
				messages++
			}
		case !strings.HasPrefix(line, "time=") && !strings.HasSuffix(line, "[y/N] \n"):
			ts.Fatalf("standard error has a line that is no message: %q", line)
		}
	}
	if messages != 1 {
		ts.Fatalf("standard error has %d messages, want 1", messages)
	}
}

// awaitText waits until a file, which may not be there yet, matches.
func awaitText(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	var text []byte
	eventually(ts, func() bool {
		text, _ = os.ReadFile(ts.MkAbs(args[0]))
		return want.Match(text)
	}, func() string { return fmt.Sprintf("%s is %q, want %q", args[0], text, args[1]) })
}

// awaitRequests waits until the emulator has seen as many requests.
func awaitRequests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: awaitrequests COUNT")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	e, got := emulatorOf(ts), 0
	eventually(ts, func() bool {
		got = len(e.server.Requests())
		return got >= want
	}, func() string { return fmt.Sprintf("%d requests, want %d", got, want) })
}

// eventually waits until something holds, and ends the script where that takes too long.
func eventually(ts *testscript.TestScript, holds func() bool, otherwise func() string) {
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			ts.Fatalf("%s", otherwise())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func countRequests(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: requests COUNT [ROUTE]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	e := emulatorOf(ts)
	got := 0
	var seen []string
	for _, r := range e.server.Requests() {
		if len(args) == 1 || string(r.Route) == args[1] {
			got++
			seen = append(seen, fmt.Sprintf("%s %s %d", r.Method, r.Path, r.Status))
		}
	}
	e.server.Reset()
	if (got == want) == neg {
		ts.Fatalf("%d requests, want %d:\n%s", got, want, strings.Join(seen, "\n"))
	}
}

func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: jsonlines FILE")
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	for _, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%s has a line that is no JSON object: %v: %q", args[0], err, line)
		}
	}
}

func countRows(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: rows COUNT OUT [COLUMN=VALUE...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	dir, err := store.OpenDir(ts.MkAbs(args[1]))
	ts.Check(err)
	defer dir.Close()
	snapshot, err := manifest.OpenSnapshot(context.Background(), dir)
	ts.Check(err)
	defer snapshot.Close()
	got := 0
	for row, err := range snapshot.Rows(context.Background()) {
		ts.Check(err)
		if rowMatches(ts, row, args[2:]) {
			got++
		}
	}
	if (got == want) == neg {
		ts.Fatalf("%d rows match %q, want %d", got, args[2:], want)
	}
}

func rowMatches(ts *testscript.TestScript, row *pipeline.Row, conditions []string) bool {
	for _, condition := range conditions {
		column, want, _ := strings.Cut(condition, "=")
		var got string
		switch column {
		case "file":
			got = string(row.FileID)
		case "status":
			got = string(row.Status)
		case "kind":
			got = string(row.Kind)
		case "reason":
			got, _, _ = strings.Cut(row.Reason, ":")
		case "type":
			got = row.Content.MediaType
		case "page":
			got = strconv.Itoa(int(row.PageIndex))
		case "attempts":
			got = strconv.Itoa(row.Attempts)
		case "noise":
			got = "null"
			if row.IsLikelyNoise != nil {
				got = strconv.FormatBool(*row.IsLikelyNoise)
			}
		default:
			ts.Fatalf("rows has no column %q", column)
		}
		if got != want {
			return false
		}
	}
	return true
}

func touch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: touch FILE_ID")
	}
	ts.Check(emulatorOf(ts).corpus.Touch(args[0], time.Now()))
}

func flipBit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flipbit FILE OFFSET")
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	content := []byte(ts.ReadFile(args[0]))
	if at < 0 {
		at += len(content)
	}
	content[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o644))
}
