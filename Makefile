# make check is what CI runs. Every tool is a "tool" line of tools/go.mod, so that no tool is among the program's
# dependencies.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

export CGO_ENABLED

.PHONY: build check format vet tidy vuln test bench cross interop sample fuzz clean

build: CGO_ENABLED=0
build:
	$(GO) build -trimpath -o bin/exporter ./cmd/exporter

check: format vet tidy test cross interop vuln

format:
	@unformatted=$$(gofmt -l cmd pipeline sinks manifest internal); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

tidy:
	$(GO) mod tidy -diff
	$(GO) mod verify
	cd internal/interop && $(GO) mod tidy -diff

# The database of vulnerabilities is on another host than the modules: where it cannot be reached, say so and go on.
vuln:
	@if out=$$($(TOOL) govulncheck ./... 2>&1); then echo "$$out"; \
	elif echo "$$out" | grep -qE 'vuln.go.dev|no such host|dial tcp|Forbidden|fetching vulnerabilities'; then \
		echo "govulncheck: the database of vulnerabilities is out of reach, nothing was checked"; \
	else echo "$$out"; exit 1; fi

# Every benchmark runs once, so that it cannot rot. Tests that crash or kill a run hundreds of times, or simulate hours of
# requests, are too slow for the race detector.
test: CGO_ENABLED=1
test:
	$(GO) test -race -bench . -benchtime 1x ./...
	$(GO) test -run '^TestExport_' ./cmd/exporter
	$(GO) test -run '^TestGovernor_' ./internal/llamacloud

bench:
	$(GO) test -run '^$$' -bench . ./...

cross: CGO_ENABLED=0
cross:
	@for target in $(TARGETS); do \
		echo "build $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/exporter || exit 1; \
	done

# Needs zstd, tar, curl and node; see internal/interop.
interop: CGO_ENABLED=1
interop:
	cd internal/interop && $(GO) vet ./... && $(GO) test ./...

# Draws the sample of "exporter demo" anew.
sample:
	$(GO) generate ./internal/emulator/sample

# Fuzzes each target for a while.
FUZZTIME ?= 30s
fuzz:
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

clean:
	rm -rf bin export
