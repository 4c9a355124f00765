package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"exporter/internal/secret"
)

// maxKeyFile is the most that a file with an API key may hold, in bytes.
const maxKeyFile = 4 << 10

// ReadKey returns the API key: from the file api.api_key_file where that is set, else from LLAMA_CLOUD_API_KEY. White
// space around it is dropped. The warnings say, one line each, what is wrong but does not stop anything. The error is
// an *Error, and wraps ErrNoKey where there is no key.
func (c *Config) ReadKey() (key secret.Text, warnings []string, err error) {
	if c.API.KeyFile == "" {
		key, err := c.key()
		switch {
		case errors.Is(err, ErrNoKey):
			return secret.Text{}, nil, &Error{Problem: err.Error(), Remedy: keyRemedy, Err: err}
		case err != nil:
			return secret.Text{}, nil, &Error{Origin: keyVariable, Problem: err.Error(), Remedy: "copy the key anew"}
		}
		return key, nil, nil
	}
	text, warnings, err := readKeyFile(c.API.KeyFile)
	if err != nil {
		failure := c.fail("cannot read the API key: "+err.Error(), "check the path and its permissions", "api.api_key_file")
		failure.Err = err
		return secret.Text{}, nil, failure
	}
	key, err = parseKey(text)
	if err != nil {
		failure := c.fail(fmt.Sprintf("the file %q: %v", c.API.KeyFile, err), "put the key alone into it", "api.api_key_file")
		failure.Err = err
		return secret.Text{}, nil, failure
	}
	return key, warnings, nil
}

// parseKey checks that text can be sent in a header. Its errors show nothing of text.
func parseKey(text string) (secret.Text, error) {
	key, err := secret.Parse(text)
	switch {
	case errors.Is(err, secret.ErrEmpty):
		return key, ErrNoKey
	case err != nil:
		return key, fmt.Errorf("the API key %w", err)
	}
	return key, nil
}

// readKeyFile returns what the file holds. The file may be a pipe, as a shell's process substitution gives one.
func readKeyFile(path string) (text string, warnings []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		const warning = "%q holds the API key and is open to others than its owner (%v): chmod 600 it"
		warnings = append(warnings, fmt.Sprintf(warning, path, mode.Perm()))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return "", nil, err
	}
	if len(data) > maxKeyFile {
		return "", nil, fmt.Errorf("%q is larger than %v", path, Size(maxKeyFile))
	}
	return string(data), warnings, nil
}
