package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"exporter/internal/secret"
)

// maxKeyFile is the most that a file with an API key may hold, in bytes.
const maxKeyFile = 4 << 10

// credentialName is the name that the API key has among the credentials of a systemd service.
const credentialName = "llama_cloud_api_key"

// ReadKey returns the API key: from the file api.api_key_file where that is set, else from LLAMA_CLOUD_API_KEY, from
// LLAMA_PARSE_API_KEY, or from the file llama_cloud_api_key in the directory CREDENTIALS_DIRECTORY. White space around it is
// dropped; a variable or a credential with nothing else in it counts as not there. The warnings say, one line each, what is wrong but
// does not stop anything. The error is an *Error, and wraps ErrNoKey where there is no key.
func (c *Config) ReadKey() (key secret.Text, warnings []string, err error) {
	if path := c.API.KeyFile; path != "" {
		from := func(problem, remedy string) *Error { return c.fail(problem, remedy, "api.api_key_file") }
		return c.readKeyFile(path, from)
	}
	for _, name := range []string{keyVariable, parseKeyVariable} {
		key, err := parseKey(c.variable(name))
		switch {
		case err == nil:
			return key, nil, nil
		case !errors.Is(err, ErrNoKey):
			return secret.Text{}, nil, &Error{Origin: name, Problem: err.Error(), Remedy: "copy the key anew", Err: err}
		}
	}
	if dir := c.variable(credentialsVariable); dir != "" {
		from := origin{credentialsVariable, true}
		// The mode of a credential may show the access that systemd grants one user as that of a group.
		key, _, err = c.readKeyFile(filepath.Join(dir, credentialName), func(problem, remedy string) *Error {
			return from.fail("", problem, remedy)
		})
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNoKey) {
			return key, nil, err
		}
	}
	return secret.Text{}, nil, &Error{Problem: ErrNoKey.Error(), Remedy: keyRemedy, Err: ErrNoKey}
}

// readKeyFile returns the API key in a file; fail makes its errors.
func (c *Config) readKeyFile(path string, fail func(problem, remedy string) *Error) (key secret.Text, warnings []string, err error) {
	text, warnings, err := c.readSmallFile(path, "the API key")
	if err != nil {
		failure := fail("cannot read the API key: "+err.Error(), "check the path and its permissions")
		failure.Err = err
		return secret.Text{}, nil, failure
	}
	key, err = parseKey(text)
	if err != nil {
		failure := fail(fmt.Sprintf("the file %q: %v", path, err), "put the key alone into it")
		failure.Err = err
		return secret.Text{}, nil, failure
	}
	return key, warnings, nil
}

// parseKey checks that text can be sent in a header, and is no more than a key. Its errors show nothing of text.
func parseKey(text string) (secret.Text, error) {
	const scheme = "bearer "
	text = strings.TrimSpace(text)
	switch {
	case isQuoted(text):
		return secret.Text{}, errors.New("the API key has quotes around it")
	case len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme):
		return secret.Text{}, errors.New(`the API key has "Bearer " before it, which is not part of it`)
	}
	key, err := secret.Parse(text)
	switch {
	case errors.Is(err, secret.ErrEmpty):
		return key, ErrNoKey
	case err != nil:
		return key, fmt.Errorf("the API key %w", err)
	}
	return key, nil
}

// isQuoted tells whether text begins or ends with a quote, as of a shell, of a file of variables, or of a word processor.
func isQuoted(text string) bool { return strings.Trim(text, "\"'`“”‘’") != text }

// readSmallFile returns what the file holds, which is a secret. The file may be a pipe, as a shell's process substitution gives one.
func (c *Config) readSmallFile(path, what string) (text string, warnings []string, err error) {
	f, err := c.openFile(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		const warning = "%q holds %s and is open to others than its owner (%v): chmod 600 it"
		warnings = append(warnings, fmt.Sprintf(warning, path, what, mode.Perm()))
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
