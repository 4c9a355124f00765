# make check is what CI runs. Tools are "tool" lines of tools/go.mod, or programs of that module, so that nothing they need is
# among the program's dependencies.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
PROGRAM := -trimpath -o bin/exporter ./cmd/exporter
# A platform of each system but this one; PLATFORMS=all are six.
PLATFORMS ?= darwin/arm64 windows/amd64
TARGETS   := $(if $(filter all,$(PLATFORMS)),linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64,$(PLATFORMS))

# All but the race detector and some readers does without C. With one setting for all, packages are compiled once.
CGO_ENABLED ?= 0
GOFLAGS     ?= -trimpath
export CGO_ENABLED GOFLAGS

.PHONY: build check format vet tidy vuln test race plain histories crashes bench microbench cross size reproducible interop clock spark stores ray kubernetes wall phash \
	consumers waiting newest sample fuzz install uninstall release release-twice systemd notices module clean

build:
	$(GO) build $(PROGRAM)

# What takes packages out of the build cache comes last: all else may be made side by side ("make -j2 check"), what waits most beside what
# computes most.
check: format interop race plain vet tidy cross size vuln
	$(MAKE) reproducible

format:
	@unformatted=$$(gofmt -l cmd pipeline sinks manifest internal tools); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	@if grep -rnE '^(<<<<<<<|>>>>>>>) ' --include='*.md' --include='*.toml' --include='*.yaml' .; then echo "left over from a merge"; exit 1; fi

vet:
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	cd tools && $(GO) vet ./... && $(GO) tool staticcheck ./...

# "go mod verify" asks for the downloads of every required module, and internal/interop requires this repository's: it is
# left out of the go.mod that is verified.
tidy:
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(GO) mod verify -modfile=tools/go.mod
	cd tools && $(GO) mod tidy -diff
	cd tools/stores && $(GO) mod tidy -diff && $(GO) mod verify
	cd internal/interop && $(GO) mod tidy -diff
	@echo "$(GO) mod verify, for internal/interop"; copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	cp internal/interop/go.mod internal/interop/go.sum "$$copy" && \
	module=$$($(GO) list -m) && $(GO) mod edit -droprequire "$$module" -dropreplace "$$module" "$$copy/go.mod" && \
	$(GO) mod verify -modfile="$$copy/go.mod"

# The database of vulnerabilities is on another host than the modules: where it cannot be reached, say so and go on.
vuln:
	@if curl -sfLm 30 -o /dev/null https://vuln.go.dev/index/db.json; then \
		$(TOOL) govulncheck ./...; \
	else \
		echo "govulncheck: curl does not reach the database of vulnerabilities, nothing was checked"; \
	fi

# Tests that are too slow for the race detector: the scripts and the tables of faults, hundreds of runs that other tests try with it, those
# of tables against models, in which nothing happens at once, and the longest ones of the client.
RUNS   := ^TestScripts$$|^Test(Parts|List|Merge|Compact)_|^TestBucket_.*_(IsThatOfADirectory|EndsExact|GoesOn|IsPutAtTheEnd)$$|^TestBucket_(Dataset_Refused|Plan)_|^TestRun_(Blob|Listing|AssetListing)Fault$$|^TestRun_(OddListing|APILiesForOneNight|Corpus|ServerEchoesASecret)_
MODELS := ^TestLedger_(Compact|Crashes|RollUp|Prune)_|^TestSnapshot_(LookUps|Mixtures|ManyJobs)_|^Test(Table_Salvage|OpenSalvaged|OpenTable|EncodeTable)_|^TestBucket_(Suite_Server|TwoWriters_LoseNothing)$$
CLIENT := ^TestGovernor_(UsesTheLimit|QuotaHeaders)|^TestClient_ParseJobPages_BoundedMemory$$

# Tests that leave the race detector out by themselves: they crash or kill a run hundreds of times, or simulate hours of requests.
KILLS  := ^TestExport_|^TestRun_OneBadNight_|^TestDataset_|^TestMake_(CrashesAt|FullDisk)

# Packages of which something may be used by many at once: the race detector is for them.
MANY_AT_ONCE := ./cmd/exporter ./pipeline ./sinks ./manifest ./internal/dataset ./internal/derived ./internal/emulator ./internal/export \
	./internal/llamacloud/... ./internal/store/... ./internal/verify

test: race plain

race: CGO_ENABLED=1
race:
	$(GO) test -timeout 20m -race -skip '$(RUNS)|$(MODELS)|$(CLIENT)' $(MANY_AT_ONCE)

# Every benchmark runs once, so that it cannot rot. What tools/release makes is of files that the cache of tests does not know.
plain:
	$(GO) test -timeout 20m -bench . -benchtime 1x $$($(GO) list ./... | grep -vxF "$$($(GO) list $(MANY_AT_ONCE))")
	$(GO) test -timeout 20m -bench . -benchtime 1x -run '$(KILLS)|$(RUNS)|$(MODELS)|$(CLIENT)' $(MANY_AT_ONCE)
	$(GO) test -run '^TestTable_' ./internal/llamacloud/governor/simulate
	cd tools && $(GO) test $$($(GO) list ./... | grep -v /release$$) && $(GO) test -count=1 ./release

# Tries 10,000 random histories of upstream; "test" tries a few hundred.
histories:
	$(GO) test -run '^TestRun_AnyHistory_' ./pipeline -args -histories 10000

# Crashes, fails and kills at every operation and point; "test" does it at some of them.
crashes:
	$(GO) test -timeout 2h -run '^TestExport_|^TestLedger_Crashes_|^TestMake_Crashes' ./internal/export ./internal/dataset ./manifest ./cmd/exporter -args -faults-apart 1

# Measures exporter against the emulator, curl, aria2c and a loop in Go; see internal/bench.
bench:
	$(GO) run ./internal/bench -all

microbench:
	$(GO) test -run '^$$' -bench . ./...

cross:
	@for target in $(TARGETS); do \
		echo "build $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/exporter || exit 1; \
	done

# Builds the program as it is handed out, without symbols, for the platform that MOST_BYTES bounds. A few megabytes more at once are
# often methods that nothing calls: the linker keeps them all where something that is linked looks methods up by names or numbers.
MOST_BYTES := 24300000
size:
	@temp=$$(mktemp); trap 'rm -f "$$temp"' EXIT; \
	GOOS=linux GOARCH=amd64 $(GO) build -trimpath -ldflags='-s -w' -o "$$temp" ./cmd/exporter || exit 1; \
	bytes=$$(wc -c <"$$temp"); echo "linux/amd64, stripped: $$bytes bytes of $(MOST_BYTES)"; \
	[ "$$bytes" -le $(MOST_BYTES) ]

# Builds the program here and in a copy of this folder at another path: both files must be the same bytes.
#
# With -trimpath, the build cache knows this module's packages by their contents, wherever they are. It would hand what was
# compiled at one path to the build at the other, and nothing would be compared but the linker with itself: so our packages
# are taken out of the cache before each build, and the second build must have compiled every one of them. Those of others,
# which are at the same path in both builds, stay: compiling them anew would take a minute.
#
# The copy has .git as well, so that both builds are stamped alike: with the commit and whether anything differs from it, or
# with nothing, where there is no .git or GOFLAGS says so.
reproducible:
	@set -e; temp=$$(mktemp -d); trap 'rm -rf "$$temp"' EXIT; mkdir "$$temp/copy"; \
	tar -cf - --exclude ./bin --exclude ./export . | tar -xf - -C "$$temp/copy"; \
	ours=$$($(GO) list -export -trimpath -deps -f '{{with .Module}}{{if .Main}}{{$$.Export}}{{end}}{{end}}' ./cmd/exporter); \
	rm -f $$ours; $(GO) build $(PROGRAM); \
	rm -f $$ours; (cd "$$temp/copy" && $(GO) build -v $(PROGRAM)) 2>"$$temp/log" || { cat "$$temp/log"; exit 1; }; \
	if [ $$(echo "$$ours" | wc -l) -ne $$(grep -c "^$$($(GO) list -m)/" "$$temp/log") ]; then \
		echo "the second build took packages from the cache; it compiled only:"; cat "$$temp/log"; exit 1; \
	fi; \
	cmp bin/exporter "$$temp/copy/bin/exporter"; \
	echo "bin/exporter: the same bytes, built here and in $$temp/copy"

# Needs zstd, tar, bsdtar, curl, node, python3 and what npm and pip fetch; see internal/interop.
interop: CGO_ENABLED=1
interop:
	cd internal/interop && $(GO) vet ./... && $(GO) test -timeout 20m ./...

# Runs the program with a clock that jumps; compiles all of it, and of what it is made of, anew.
clock: CGO_ENABLED=1
clock:
	cd internal/interop && $(GO) vet -tags clock . && $(GO) test -timeout 20m -tags clock -run '^TestClock_' .

# Reads tables with Spark; needs Java 17, and pip fetches some 900 MB.
spark: CGO_ENABLED=1
spark:
	cd internal/interop && $(GO) vet -tags spark . && $(GO) test -timeout 20m -tags spark -run '^TestSpark_' .

# Runs object stores that take long to compile or need Java 17 and Maven.
stores: CGO_ENABLED=1
stores:
	cd internal/interop && $(GO) vet -tags stores . && $(GO) test -timeout 30m -v -tags stores -run '^TestStores_' . -args -commits 400

# Exports with Ray, in a network of its own; needs root, and pip fetches some 100 MB.
ray: CGO_ENABLED=1
ray:
	cd internal/interop && $(GO) vet -tags ray . && $(GO) test -count=1 -timeout 20m -v -tags ray -run '^TestRay_' .

# Scrolls through a million pictures in Chromium, and says how long scripts took.
wall: CGO_ENABLED=1
wall:
	cd internal/interop && $(GO) vet . && $(GO) test -count=1 -timeout 20m -v -run '^TestBrowser_View_ManyPictures$$' . -args -pictures 1000000

# Compares perceptual hashes with ImageHash; pip fetches some 100 MB.
phash: CGO_ENABLED=1
phash:
	cd internal/interop && $(GO) vet -tags phash . && $(GO) test -timeout 20m -tags phash -run '^TestPHash_' .

# Reads datasets with what people train with; pip fetches some 4 GB, mostly CUDA.
consumers: CGO_ENABLED=1
consumers:
	cd internal/interop && $(GO) vet -tags consumers . && $(GO) test -count=1 -timeout 60m -v -tags consumers -run '^TestConsumers_' .

# Hands the manifests of deploy/kubernetes to a control plane of Kubernetes; compiles that, which takes 20 minutes of a processor the first time, and then
# mostly waits for a quarter of an hour.
kubernetes:
	cd tools/kubernetes && $(GO) mod tidy -diff && $(GO) vet ./... && $(GO) test -count=1 -timeout 60m -v ./...

# Measures what a run takes that waits for a quota for an hour, with progress and metrics.
waiting:
	$(GO) vet -tags waiting ./cmd/exporter && $(GO) test -count=1 -timeout 2h -v -tags waiting -run '^TestWaiting_' ./cmd/exporter

# Says whether there are newer official clients than those that internal/interop drives; asks PyPI and npm.
newest: CGO_ENABLED=1
newest:
	cd internal/interop && $(GO) vet -tags newest . && $(GO) test -count=1 -tags newest -run '^TestNewest_' .

# Draws the sample of "exporter demo" anew; see tools/drawsample.
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

# Installs what "make build" made, with manual pages, completions and units of systemd. DESTDIR is put before every path.
PREFIX ?= /usr/local
PLACES := $(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/bash-completion/completions share/zsh/site-functions \
	share/fish/vendor_completions.d lib/systemd/system)
UNITS  := exporter@.service exporter@.timer exporter-alert@.service
install:
	@[ -x bin/exporter ] || $(MAKE) build
	install -d $(PLACES)
	install -m 755 bin/exporter $(DESTDIR)$(PREFIX)/bin/exporter
	bin/exporter man $(DESTDIR)$(PREFIX)/share/man/man1
	bin/exporter completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/exporter
	bin/exporter completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_exporter
	bin/exporter completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/exporter.fish
	@for unit in $(UNITS); do \
		echo "install $$unit"; \
		sed 's|=/usr/bin/exporter|=$(PREFIX)/bin/exporter|' deploy/systemd/$$unit >"$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit" || exit 1; \
	done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/exporter $(DESTDIR)$(PREFIX)/share/man/man1/exporter.1 $(DESTDIR)$(PREFIX)/share/man/man1/exporter-*.1
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/exporter $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_exporter
	rm -f $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/exporter.fish $(addprefix $(DESTDIR)$(PREFIX)/lib/systemd/system/,$(UNITS))

# Makes what is handed out, in dist/: see docs/install.md. VERSION is that of the commit's tag where it is not given.
RELEASE := run ./release -version '$(VERSION)' $(if $(MAINTAINER),-maintainer '$(MAINTAINER)')
release:
	cd tools && $(GO) $(RELEASE) -out ../dist

# Makes it twice, the second time from a copy of this folder at another path, with what was compiled anew: all files must be the same.
release-twice: release
	@set -e; temp=$$(mktemp -d); trap 'rm -rf "$$temp"' EXIT; mkdir "$$temp/copy"; \
	tar -cf - --exclude ./bin --exclude ./export --exclude ./dist . | tar -xf - -C "$$temp/copy"; \
	(cd "$$temp/copy/tools" && GOCACHE="$$temp/cache" $(GO) $(RELEASE) -out ../dist >/dev/null); \
	diff -r dist "$$temp/copy/dist"; echo "dist: the same bytes, made here and in $$temp/copy"

# Tests the package and its units with the systemd of another system, in a folder that debootstrap made: make systemd ROOT=/srv/trixie.
systemd:
	cd tools && EXPORTER_TEST_ROOT='$(ROOT)' $(GO) test -count=1 -v -run '^TestRelease$$/^Debian$$' ./release

# Writes what "exporter licenses" prints anew, of the licences and notices of everything that is linked.
notices:
	$(GO) generate ./internal/licenses

# Gives the module another path, such as MODULE=example.com/you/exporter, everywhere it is named: a module that others install has to be called
# after the host that it is on.
ROOMS := cmd|internal|manifest|pipeline|sinks|tools
module:
	@[ -n "$(MODULE)" ] || { echo "say which: make module MODULE=example.com/you/exporter"; exit 1; }
	@set -e; old=$$($(GO) list -m); \
	sed -i -E "s#\"$$old/($(ROOMS))([/\"])#\"$(MODULE)/\1\2#g" $$(git ls-files '*.go'); \
	sed -i -E "s#\"$$old/(\"|\.\.\.\")#\"$(MODULE)/\1#g" $$(git ls-files '*_test.go'); \
	sed -i -E "s#^module $$old(/|\$$)#module $(MODULE)\1#; s#^(\t|replace )$$old #\1$(MODULE) #" go.mod tools/go.mod tools/stores/go.mod tools/kubernetes/go.mod internal/interop/go.mod; \
	gofmt -w $$(git ls-files '*.go')
	$(GO) list -m && $(GO) vet ./... && cd tools && $(GO) vet ./...

clean:
	rm -rf bin export exporter-demo dist
