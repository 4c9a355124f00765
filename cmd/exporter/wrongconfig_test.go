package main

import (
	"os"
	"strings"
	"testing"

	"exporter/internal/testmain"
)

// wrongConfigurations are files, and what is said of each, by config check and by run alike.
var wrongConfigurations = []struct{ text, stderr string }{
	// No TOML.
	{"[limits\nrate = 1", `f.toml:1:8: expected ']' to close table name`},
	{"rate = 20/m", `f.toml:1:10: `},
	{"[limits]\nrate = \"1/s\"\nrate = \"2/s\"", `f.toml:3:1: `},
	{"[limits]\n[limits]", `f.toml:2:2: `},

	// Keys and sections that there are not.
	{"[limits]\nrtae = \"20/m\"", `f.toml:2:1: limits.rtae: unknown key (did you mean limits.rate?)`},
	{"[limts]\nrate = \"20/m\"", `f.toml:1:2: limts: unknown section (did you mean [limits]?)`},
	{"rate = \"20/m\"", `f.toml:1:1: rate: unknown key (did you mean limits.rate?)`},
	{"[archive]\nlevel = \"best\"", `f.toml:1:2: archive: unknown section (did you mean [output.archive]?)`},
	{"[[source]]\nproject = true", `f.toml:1:3: source: a section cannot be repeated (write it in single brackets, once)`},
	{"limits = 3", `f.toml:1:1: limits: wrong type: want table, got integer (write it as a section in brackets)`},
	{"[verify]\nquik = true", `f.toml:2:1: verify.quik: unknown key (did you mean verify.quick?)`},

	// Values.
	{"[limits]\nrate = \"fast\"", `f.toml:2: limits.rate: "fast" is not a rate (a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited")`},
	{"[limits]\nconcurrency = \"many\"", `f.toml:2: limits.concurrency: wrong type: want integer, got string (from 1 to 1024)`},
	{"[limits]\nconcurrency = 0", `f.toml:2: limits.concurrency: "0" is out of range (from 1 to 1024)`},
	{"[source]\ndirectories = \"d\"", `f.toml:2: source.directories: wrong type: want list of strings, got string (write it as ["ID"])`},
	{"[source]\ndirectories = [\n\"d\",\n\"../x\"]", `f.toml:4: source.directories: not a valid id: "../x" (letters, digits, '.', '_' and '-' are allowed)`},
	{"[source]\nupdated_at_on_or_after = 2024-06-13", `f.toml:2: source.updated_at_on_or_after: wrong type: want string, got date or time (RFC 3339, such as "2024-06-13T12:00:00Z")`},
	{"[output]\nsink = \"tar\"", `f.toml:2: output.sink: "tar" is not a choice (local or archive)`},
	{"[assets]\nfigures = \"no\"", `f.toml:2: assets.figures: wrong type: want boolean, got string (true or false)`},
	{"[dataset]\nsample = \"many\"", `f.toml:2: dataset.sample: wrong type: want integer, got string (write a number, without quotes)`},
	{"[sources]\ncreated_within = \"long\"", `f.toml:2: sources.created_within: "long" is no duration, such as 24h`},

	// What contradicts itself, and what a person gives.
	{"[api]\nbase_url = \"http://llama.test\"", `f.toml:2: api.base_url: plain http would show the API key to the network between here and "llama.test" (use https, or give --insecure-http)`},
	{"[output.archive]\nshard_size = \"1MiB\"", `f.toml:2: output.archive.shard_size: shard_size 1MiB is less than frame_size 4MiB (raise shard_size or lower frame_size)`},
	{"[log]\nquiet = true\nverbose = true", `f.toml:2: log.quiet: nothing is verbose and quiet at once (leave one of them out)`},
	{"[run]\nforce = true", `f.toml:2:1: run.force: --force is a flag only, which a person gives (give it on the command line, once)`},
	{"[run]\naccept_failed = true", `f.toml:2:1: run.accept_failed: --accept-failed is a flag only, which a person gives (give it on the command line, once)`},
	{"[run]\naccept_faild = true", `f.toml:2:1: run.accept_faild: unknown key (did you mean --accept-failed? It is a flag only: give it on the command line, once)`},
	{"[run]\ndry_run = true", `f.toml:2:1: run.dry_run: there is no dry run (exporter plan says what a run would do)`},
	{"[plan]\nrefetch = true", `f.toml:2:1: plan.refetch: --refetch is a flag only, which a person gives (give it on the command line, once)`},
	{"[api]\napi_key = \"" + canaryKey + "\"", `f.toml:2: api.api_key: an API key does not belong in the TOML file, which gets shared (set LLAMA_CLOUD_API_KEY or api.api_key_file)`},
	{"[source]\ndisplay_name = \"" + canaryKey + "\"", `f.toml:2: source.display_name: this looks like an API key, which does not belong here (set LLAMA_CLOUD_API_KEY or api.api_key_file)`},

	// Jobs.
	{"[job.a.source]\ndirectory = [\"d\"]", `f.toml:2:1: job.a.source.directory: unknown key (did you mean job.a.source.directories?)`},
	{"[job.a.sourc]\nproject = true", `f.toml:1:2: job.a.sourc: unknown section (did you mean [job.a.source]?)`},
	{"[job.a.limits]\nrate = \"fast\"", `f.toml:2: job.a.limits.rate: "fast" is not a rate (a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited")`},
	{"[job.\"a b\".source]\nproject = true", `f.toml:1:2: job."a b".source: "a b" is no name of a job (letters, digits, '_' and '-' are allowed, 64 at most)`},
	{"[job.a.run]\nrepair = true", `f.toml:2:1: job.a.run.repair: --repair is a flag only, which a person gives (give it on the command line, once)`},
	{"[job." + canaryKey + "]\nx = 1", `f.toml:2:1: job.[redacted].x: unknown key (config.example.toml has all keys)`},
	{"[" + canaryKey + "]\nx = 1", `f.toml:1:2: [redacted]: unknown section (the sections are `},
	{"[job]\na = 3", `f.toml:2:1: job.a: wrong type: want table, got integer (write it as a section in brackets)`},
	{"[job.a.output]\ndir = \"x\"\n[job.b.output]\ndir = \"./x/\"", `f.toml:4: job.b.output.dir: the jobs a and b both export to "./x/" (give each one of its own)`},
	{"[output]\ndir = \"x\"\n[job.a.source]\nproject = true\n[job.b]\nsource.project = true", `f.toml:5: job.b.output.dir: the jobs a and b both export to "x" (give each one of its own)`},
	{"[metrics]\nfile = \"m.prom\"\n[job.a]\noutput.dir = \"x\"\n[job.b]\noutput.dir = \"y\"", `f.toml:5: job.b.metrics.file: the jobs a and b both write what they measure to "m.prom" (give each one of its own)`},
}

// Whatever is wrong with a file is said with its line, and what would be right, in a line. Nothing is asked, nothing written.
func TestConfig_WrongConfigurations_AreExplained(t *testing.T) {
	testmain.Long(t)
	t.Chdir(t.TempDir())
	if len(wrongConfigurations) < 20 {
		t.Errorf("%d configurations, want 20 at least", len(wrongConfigurations))
	}
	for _, tt := range wrongConfigurations {
		if err := os.WriteFile("f.toml", []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range []string{"config check f.toml", "run --config f.toml --project"} {
			c := newCLI(t, "")
			code, stdout, stderr := c.run(strings.Fields(args)...)
			ok := stderr == "exporter: "+tt.stderr+"\n" || (strings.HasSuffix(tt.stderr, ": ") || strings.HasSuffix(tt.stderr, "are ")) && strings.HasPrefix(stderr, "exporter: "+tt.stderr)
			if code != exitUsage || stdout != "" || !ok {
				t.Errorf("%s: exporter %s: exit %d, %q\n got %swant exporter: %s", tt.text, args, code, stdout, stderr, tt.stderr)
			}
		}
	}
	if err := os.Remove("f.toml"); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}

// All that is wrong with a file is said at once, in its order.
func TestConfigCheck_SaysAllAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	const text = "[limits]\nrate = \"fast\"\nrtae = 1\n[limts]\nrate = 3\n[job.a.limits]\nrate = \"quick\"\n[run]\nforce = true\n"
	if err := os.WriteFile("f.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := newCLI(t, "").run("config", "check", "f.toml")
	var places []string
	for line := range strings.Lines(stderr) {
		place, _, _ := strings.Cut(strings.TrimPrefix(line, "exporter: f.toml:"), ": ")
		places = append(places, place)
	}
	if got, want := strings.Join(places, " "), "2 3:1 4:2 7 9:1"; code != exitUsage || stdout != "" || got != want {
		t.Errorf("exit %d, %q, lines %s, want %d and %s\n%s", code, stdout, got, exitUsage, want, stderr)
	}
}
