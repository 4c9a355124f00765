package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser is a Chromium that WebDriver (https://www.w3.org/TR/webdriver2/) drives.
type browser struct {
	t       *testing.T
	session string
}

// startBrowser starts a Chromium with a window of some size, light or dark, that lasts as long as the test.
func startBrowser(t *testing.T, width, height int, flags ...string) *browser {
	t.Helper()
	// It ends when the browser has: the context of a test ends before what cleans up.
	found := program(t, "chromedriver", "--port=0")
	driver := exec.Command(found.Path, found.Args[1:]...)
	// Processes of Chromium may write to it for a moment after it has ended.
	profile, err := os.MkdirTemp("", "browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	driver.Env = append(os.Environ(), "HOME="+profile, "NO_PROXY=127.0.0.1,localhost")
	said, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = driver.Process.Kill()
		_ = driver.Wait()
	})
	url := "http://127.0.0.1:" + portOf(t, said)
	go io.Copy(io.Discard, said)
	b := &browser{t: t, session: url + "/session"}
	args := append([]string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server", "--hide-scrollbars",
		fmt.Sprintf("--window-size=%d,%d", width, height), "--user-data-dir=" + filepath.Join(profile, "chromium"),
	}, flags...)
	var made struct {
		SessionID string `json:"sessionId"`
	}
	b.ask("", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": args}, "goog:loggingPrefs": map[string]any{"browser": "ALL", "performance": "ALL"},
	}}}, &made)
	b.session += "/" + made.SessionID
	t.Cleanup(func() {
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodDelete, b.session, nil)
		if err != nil {
			return
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	})
	return b
}

// portOf returns the port that the driver says that it listens on.
func portOf(t *testing.T, said io.Reader) string {
	t.Helper()
	var all []byte
	for part := make([]byte, 512); ; {
		n, err := said.Read(part)
		all = append(all, part[:n]...)
		if port := regexp.MustCompile(`on port (\d+)\.`).FindSubmatch(all); port != nil {
			return string(port[1])
		}
		if err != nil {
			t.Fatalf("chromedriver: %v\n%s", err, all)
		}
	}
}

// ask sends a command, and reads its value.
func (b *browser) ask(command string, body, value any) {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.session+command, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %.200s: %v %s\n%s", command, text, err, answer.Status, said)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(said, &struct{ Value any }{value}); err != nil {
		b.t.Fatalf("%s: %v in %s", command, err, said)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.ask("/url", map[string]any{"url": url}, nil)
}

// eval returns what an expression in JavaScript is, once it is resolved.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	b.ask("/execute/sync", map[string]any{"script": "return " + expression, "args": []any{}}, value)
}

// evalAsync runs a script, and returns what it calls its last argument with.
func (b *browser) evalAsync(script string, value any) {
	b.t.Helper()
	b.ask("/execute/async", map[string]any{"script": script, "args": []any{}}, value)
}

// waitFor waits until an expression is true.
func (b *browser) waitFor(expression string) {
	b.t.Helper()
	for range 300 {
		var ok bool
		if b.eval("!!("+expression+")", &ok); ok {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	var text string
	b.eval("document.body.innerText", &text)
	b.t.Fatalf("never true: %s\nthe page says:\n%.2000s", expression, text)
}

// press presses keys, as WebDriver names them.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	var actions []map[string]string
	for _, key := range keys {
		actions = append(actions, map[string]string{"type": "keyDown", "value": key}, map[string]string{"type": "keyUp", "value": key})
	}
	b.ask("/actions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}, nil)
}

// Keys that have no letter, from the table of WebDriver.
const (
	keyEnter  = "\uE007"
	keyEscape = "\uE00C"
	keyRight  = "\uE014"
	keyDown   = "\uE015"
	keyEnd    = "\uE010"
)

// complaints returns what the browser's console says: errors of scripts, and what its policy refused.
func (b *browser) complaints() (all []string) {
	b.t.Helper()
	var entries []struct{ Level, Message string }
	b.ask("/se/log", map[string]any{"type": "browser"}, &entries)
	for _, e := range entries {
		all = append(all, e.Level+": "+e.Message)
	}
	return all
}

// asked returns the addresses that the browser has asked for.
func (b *browser) asked() (urls []string) {
	b.t.Helper()
	var entries []struct{ Message string }
	b.ask("/se/log", map[string]any{"type": "performance"}, &entries)
	for _, e := range entries {
		var m struct {
			Message struct {
				Method string
				Params struct{ Request struct{ URL string } }
			}
		}
		if err := json.Unmarshal([]byte(e.Message), &m); err != nil {
			b.t.Fatal(err)
		}
		if m.Message.Method == "Network.requestWillBeSent" {
			urls = append(urls, m.Message.Params.Request.URL)
		}
	}
	return urls
}

// picture writes what the window shows into a file where EXPORTER_TEST_PICTURES names a folder.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("EXPORTER_TEST_PICTURES")
	if dir == "" {
		return
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.session+"/screenshot", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	var shot struct{ Value string }
	if err := json.NewDecoder(answer.Body).Decode(&shot); err != nil {
		b.t.Fatal(err)
	}
	picture, err := base64.StdEncoding.DecodeString(shot.Value)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// wall writes a folder with the page of the export, and returns its name.
func (e *export) wall(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "wall")
	c, stderr := e.exporter(t.Context(), "view", e.out, "--static", dir)
	e.finish(t, c, stderr, 0)
	return dir
}

// view serves an export, and returns the address of its page.
func view(t *testing.T, export string) string {
	t.Helper()
	return viewSaying(t, export, "")
}

// viewSaying is view of an export of which something is said on standard error.
func viewSaying(t *testing.T, export, says string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "exporter", "view", export)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	c.Stderr = &stderr
	said, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Wait()
		if stderr.String() != says {
			t.Errorf("exporter view said %q, want %q", stderr.String(), says)
		}
	})
	line := make([]byte, 4096)
	n, err := said.Read(line)
	url, isURL := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "look at ")
	if err != nil || !isURL {
		t.Fatalf("exporter view: %v, %q, %s", err, line[:n], stderr.Bytes())
	}
	return url
}
