package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"exporter/internal/loopback"
)

// emulatorProcess is a running "exporter emulate".
type emulatorProcess struct {
	url string
	// certificate is the file of what proves an emulator that serves HTTPS; empty for one of HTTP.
	certificate string
	command     *exec.Cmd
}

// startSecure starts an emulator that serves a corpus over HTTPS.
func (b *bench) startSecure(ctx context.Context, c corpus) (*emulatorProcess, error) {
	certificate, key, err := loopback.WriteCertificate(b.temp)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	e, err := b.startEmulator(ctx, c, "--tls-cert", certificate, "--tls-key", key)
	if err == nil {
		e.certificate = certificate
	}
	return e, err
}

// trusted returns a command of a program in Go that trusts the emulator.
func (e *emulatorProcess) trusted(command []string) []string {
	if e.certificate == "" {
		return command
	}
	return append([]string{"env", "SSL_CERT_FILE=" + e.certificate}, command...)
}

// startEmulator starts an emulator that serves a corpus, and waits until it listens.
func (b *bench) startEmulator(ctx context.Context, c corpus, flags ...string) (*emulatorProcess, error) {
	command := exec.CommandContext(ctx, b.exporter, slices.Concat([]string{"emulate"}, c.flags(), flags)...)
	var stderr bytes.Buffer
	command.Env, command.Stderr = childEnvironment(), &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the emulator: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the emulator: %w", err)
	}
	e := &emulatorProcess{command: command}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		e.stop()
		return nil, fmt.Errorf("start the emulator: it says %q, %w\n%s", line, err, stderr.Bytes())
	}
	e.url = url
	return e, nil
}

// cpu returns what the emulator has computed since it started; 0 where the system does not say.
func (e *emulatorProcess) cpu() (time.Duration, error) { return cpuSoFar(e.command.Process.Pid) }

// stop ends the emulator, which has nothing to lose.
func (e *emulatorProcess) stop() {
	_ = e.command.Process.Kill()
	// It was killed, which is what Wait would say.
	_ = e.command.Wait()
}
