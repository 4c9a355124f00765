package main

import (
	"os"
	"strings"
	"testing"

	"exporter/internal/testmain"
)

// wrongCommandLines are what people type, and what they are told: the exit code is that of wrong usage.
var wrongCommandLines = []struct{ args, stderr string }{
	// Commands.
	{"rnu", `unknown command "rnu" (did you mean exporter run? see exporter --help)`},
	{"rnu --project", `unknown command "rnu" (did you mean exporter run? see exporter --help)`},
	{"verfy out", `unknown command "verfy" (did you mean exporter verify? see exporter --help)`},
	{"export", `unknown command "export" (did you mean exporter run? see exporter --help)`},
	{"check out", `unknown command "check" (did you mean exporter verify? see exporter --help)`},
	{"RUN", `unknown command "RUN" (did you mean exporter run? see exporter --help)`},
	{"ver out", `unknown command "ver" (did you mean exporter verify or exporter version? see exporter --help)`},
	{"data out", `unknown command "data" (did you mean exporter dataset? see exporter --help)`},
	{"frobnicate", `unknown command "frobnicate" (see exporter --help)`},
	{"files lst d --json", `unknown command "lst" of exporter files (did you mean exporter files ls? see exporter files --help)`},
	{"files delete d f", `unknown command "delete" of exporter files (did you mean exporter files rm? see exporter files --help)`},
	{"help rnu", `unknown command "rnu" (did you mean exporter run? see exporter --help)`},
	{"completion tcsh", `unknown command "tcsh" of exporter completion (see exporter completion --help)`},
	{"--project run", `unknown flag: --project (flags come behind the command: exporter run --project; see exporter --help)`},
	{"-v run", `unknown flag: -v (flags come behind the command: exporter run -v; see exporter --help)`},
	{"files --json ls d", `unknown flag: --json (flags come behind the command: exporter files ls --json; see exporter files --help)`},
	{"run run", `exporter run takes no arguments, and "run" is one (one command at a time; see exporter run --help)`},

	// Flags.
	{"run --projct", `unknown flag: --projct (did you mean --project? see exporter run --help)`},
	{"run --output x", `unknown flag: --output (did you mean --out? see exporter run --help)`},
	{"run -o x", `unknown flag: -o (did you mean --out? see exporter run --help)`},
	{"run -out x", `unknown flag: -out (did you mean --out? see exporter run --help)`},
	{"run --skip_noise", `unknown flag: --skip_noise (did you mean --skip-noise? see exporter run --help)`},
	{"run --display-name-cont x", `unknown flag: --display-name-cont (did you mean --display-name-contains? see exporter run --help)`},
	{"run --no-figures", `unknown flag: --no-figures (did you mean --figures=false? see exporter run --help)`},
	{"run --workers 4", `unknown flag: --workers (did you mean --concurrency? see exporter run --help)`},
	{"run --url http://x", `unknown flag: --url (did you mean --base-url? see exporter run --help)`},
	{"run --timeout 5s", `unknown flag: --timeout (did you mean --header-timeout or --idle-timeout? see exporter run --help)`},
	{"run --resume", `unknown flag: --resume (a run goes on by itself; see exporter run --help)`},
	{"run --version", `unknown flag: --version (did you mean exporter version? see exporter run --help)`},
	{"run --format tar", `unknown flag: --format (how blobs are stored is --sink, and the form of the log --log-format; see exporter run --help)`},
	{"run -help", `unknown flag: -help (did you mean --help? see exporter run --help)`},
	{"-help", `unknown flag: -help (did you mean --help? see exporter --help)`},
	{"run --ping-url x", `unknown flag: --ping-url (did you mean --ping URL, or --ping-url-file FILE? see exporter run --help)`},
	{"run --jobs 4", `unknown flag: --jobs (a job of the configuration is --job NAME, and --all-jobs are all of them; how many blobs are fetched at once is --concurrency; see exporter run --help)`},
	{"verify --jobs a", `unknown flag: --jobs (did you mean --job? see exporter verify --help)`},
	{"run --exclude-noise", `unknown flag: --exclude-noise (did you mean --skip-noise? see exporter run --help)`},
	{"dataset e d --skip-noise", `unknown flag: --skip-noise (did you mean --no-noise? see exporter dataset --help)`},
	{"run --max-memory 1GiB", `unknown flag: --max-memory (did you mean --memory? see exporter run --help)`},
	{"run --filter x", `unknown flag: --filter (files are chosen by --include and --exclude, pictures by --pages, --category, --min-confidence and --skip-noise; see exporter run --help)`},
	{"ls --filter x", `unknown flag: --filter (did you mean --where? see exporter ls --help)`},
	{"run -V", `unknown flag: -V (the version is exporter --version, and --verbose is -v; see exporter run --help)`},
	{"run --accept_failed", `unknown flag: --accept_failed (did you mean --accept-failed? see exporter run --help)`},
	{"run -c f.toml", `unknown flag: -c (did you mean --config? see exporter run --help)`},
	{"run -x", `unknown flag: -x (see exporter run --help)`},
	{"run --=x", `"--=x" is no flag (a flag is --NAME or --NAME=VALUE; see exporter run --help)`},
	{"run ---out x", `"---out" is no flag (a flag is --NAME or --NAME=VALUE; see exporter run --help)`},
	{"run --dry-run", `there is no --dry-run: exporter plan says what a run would do, and takes the same flags`},
	{"run -n --project", `there is no --dry-run: exporter plan says what a run would do, and takes the same flags`},
	{"plan -n", `unknown flag: -n (plan is the dry run of exporter run: leave it out; see exporter plan --help)`},
	{"ls -n", `unknown flag: -n (it changes nothing: leave it out; see exporter ls --help)`},
	{"verify --dry-run", `unknown flag: --dry-run (it changes nothing: leave it out; see exporter verify --help)`},
	{"files rm d f -n", `unknown flag: -n (it asks before it changes something, unless --yes is given; see exporter files rm --help)`},
	{"rm out -n", `unknown flag: -n (exporter ls EXPORT ID says what would be removed; see exporter rm --help)`},
	{"verify --directory d", `unknown flag: --directory (it is a flag of exporter plan, exporter run; see exporter verify --help)`},
	{"files ls d --limit 4", `unknown flag: --limit (it is a flag of exporter plan, exporter run; see exporter files ls --help)`},
	{"run --token=x", `--token: an API key does not belong on the command line, which the process list shows (set LLAMA_CLOUD_API_KEY or api.api_key_file)`},

	// Values.
	{"run --rate", `--rate: its value is missing (give --rate RATE; see exporter run --help)`},
	{"run --config", `--config: its value is missing (give --config FILE; see exporter run --help)`},
	{"run --rate fast", `--rate: "fast" is not a rate (a decimal number in /s, /m or /h, such as "20/m", from 1/h to 1000000/s; or "auto" or "unlimited")`},
	{"run --max-attempts 1e3", `--max-attempts: "1e3" is not a whole number (from 1 to 20)`},
	{"run --max-attempts 99", `--max-attempts: "99" is out of range (from 1 to 20)`},
	{"run --memory lots", `--memory: "lots" is not a size (such as "64KB", "256MiB" or "1GiB"; or "auto")`},
	{"run --settle tomorrow", `--settle: "tomorrow" is not a duration (such as "5s", "1m30s" or "15m")`},
	{"run --updated-at-on-or-after 2024-06-13", `--updated-at-on-or-after: "2024-06-13" has no time of day (write "2024-06-13T00:00:00Z")`},
	{"run --sink tar", `--sink: "tar" is not a choice (local or archive)`},
	{"run --out abfs://c/p", `--out: "abfs://c/p" is not how a container is named (write az://CONTAINER/PREFIX, and set AZURE_STORAGE_ACCOUNT)`},
	{"run --out gcs://bucket/p", `--out: "gcs://bucket/p" is not how a bucket is named (write gs://BUCKET/PREFIX)`},
	{"run --out ~/export", `--out: "~/export": only a shell knows what ~ means; write the path in full`},
	{"run --directory ../x", `--directory: not a valid id: "../x" (letters, digits, '.', '_' and '-' are allowed)`},
	{"run --region us", `--region: "us" is not a region ("na" or "eu"; empty for base_url)`},
	{"run --verbose=2", `--verbose: "2" is neither true nor false (true or false)`},
	{"run --figures false", `"false" is no argument of its own (write --figures=false; see exporter run --help)`},
	{"verify out --quick false", `"false" is no argument of its own (write --quick=false; see exporter verify --help)`},
	{"run -qv --project", `--quiet: nothing is verbose and quiet at once (leave one of them out)`},
	{"run --force lisitng", `--force: "lisitng" is nothing to accept: want source, listing or prune, or nothing for whatever the run would refuse (see exporter run --help)`},
	{"run --accept-failed --accept-failed=none", `--accept-failed: none takes back what was accepted: give it by itself (see exporter run --help)`},
	{"run --accept-failed=none,a", `--accept-failed: none takes back what was accepted: give it by itself (see exporter run --help)`},
	{"run --project --metrics-file export/m.prom", `--metrics-file: "export/m.prom" is in the export directory "export", and no part of an export (name a file outside of it)`},
	{"run --project --out e --log-file ./e/log", `--log-file: "./e/log" is in the export directory "e", and no part of an export (name a file outside of it)`},
	{"plan --project --out . --api-key-file key", `--api-key-file: "key" is in the export directory ".", and no part of an export (name a file outside of it)`},
	{"run --project --out e --ping-url-file e/url", `--ping-url-file: "e/url" is in the export directory "e", and no part of an export (name a file outside of it)`},
	{"run --force listing prune", `exporter run takes no arguments, and "prune" is one (several kinds are separated by commas: --force=KIND,prune; see exporter run --help)`},
	{"run --screenshots=false --figures=false", `--figures: neither screenshots nor figures are wanted (leave one of them on, or give --documents)`},
	{"run --log-file /nowhere/log --project", `cannot open the log file (log.file, --log-file): open /nowhere/log: no such file or directory`},
	{"compact out --least-dead many", `--least-dead: "many" is no whole number (see exporter compact --help)`},
	{"sources --kind folders", `--kind "folders": there are project, directory, index, pipeline, parse-job, batch`},
	{"sources --created-within long", `--created-within: "long" is no duration, such as 24h (see exporter sources --help)`},

	// Arguments.
	{"run", `nothing to export: give --directory ID, --pipeline ID, --index ID, --file ID, --project, --parse-job ID, --parse-jobs or --batch ID`},
	{"run stray", `exporter run takes no arguments, and "stray" is one (the export is --out stray, a directory of LlamaCloud --directory stray; see exporter run --help)`},
	{"run —out x", `exporter run takes no arguments, and "—out" is one (it begins with the dash of a word processor: write --out; see exporter run --help)`},
	{"run out=x", `exporter run takes no arguments, and "out=x" is one (did you mean --out=x? see exporter run --help)`},
	{"run project", `exporter run takes no arguments, and "project" is one (did you mean --project? see exporter run --help)`},
	{"run --display-name annual accounts", `exporter run takes no arguments, and "accounts" is one (a value with spaces is written in quotes: --display-name "annual accounts"; see exporter run --help)`},
	{"demo trial", `exporter demo takes no arguments, and "trial" is one (the export is --out trial; see exporter demo --help)`},
	{"version 2", `exporter version takes no arguments, and "2" is one (see exporter version --help)`},
	{"verify a b", `want the arguments [EXPORT], and 2 are given (see exporter verify --help)`},
	{"verify a --out b", `the argument is "a", and --out "b": name one export`},
	{"cat", `want the arguments FILE_ID PAGE [NAME], and none is given (see exporter cat --help)`},
	{"cat f first", `PAGE "first": want a page index such as 0`},
	{"files get d", `want the arguments DIRECTORY DIRECTORY_FILE_ID, and 1 is given (see exporter files get --help)`},
	{"rm out", `nothing to remove: give --file-id ID or --job ID`},
	{"dataset ds", `want the arguments EXPORT... OUT, and 1 is given (see exporter dataset --help)`},
	{"dataset out ds", `--format is missing: parquet, webdataset or imagefolder`},
}

// Whatever is wrong with a command line is said in a line that names it and what was meant; nothing is asked, nothing written.
func TestRun_WrongCommandLines_AreExplained(t *testing.T) {
	testmain.Long(t)
	t.Chdir(t.TempDir())
	if len(wrongCommandLines) < 60 {
		t.Errorf("%d command lines, want 60 at least", len(wrongCommandLines))
	}
	for _, tt := range wrongCommandLines {
		code, stdout, stderr := newCLI(t, "https://api.invalid").run(strings.Fields(tt.args)...)
		if code != exitUsage || stdout != "" || stderr != "exporter: "+tt.stderr+"\n" {
			t.Errorf("exporter %s: exit %d, %q\n got %swant exporter: %s", tt.args, code, stdout, stderr, tt.stderr)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}

func TestRun_Version_AsCommandAndFlag(t *testing.T) {
	t.Parallel()
	_, want, _ := newCLI(t, "").run("version")
	for _, flag := range []string{"--version", "-V"} {
		if code, got, stderr := newCLI(t, "").run(flag); code != 0 || got != want || stderr != "" {
			t.Errorf("exporter %s: exit %d, %q, %q, want what exporter version prints: %q", flag, code, got, stderr, want)
		}
	}
}
