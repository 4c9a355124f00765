package config

import "slices"

// Variable is a variable of the environment that is no key's.
type Variable struct{ Name, Help string }

// Variables describes the variables that the program goes by, beside those of keys.
func Variables() []Variable {
	return slices.Concat([]Variable{
		{fileVariable, "names the TOML file, where --config names none"},
		{jobVariable, "chooses a job of the TOML file, where --job chooses none"},
		{keyVariable, "the API key"},
		{parseKeyVariable, "the API key, where " + keyVariable + " has none"},
		{credentialsVariable, "the directory in which systemd puts credentials; the file " + credentialName + " there has the API key, where no " +
			"variable has it"},
		{urlVariable, "the API's address, where neither EXPORTER_API_BASE_URL nor --base-url gives it"},
		{headersVariable, `headers for each request to the API, a line each: "Name: value"`},
	}, networkVariables(), []Variable{
		{"TERM", "dumb has lines of progress in place of bars"},
		{"GOMEMLIMIT", "how much memory the program may take, where what the container allows is not meant"},
		{"GOGC", "how much garbage there may be, in percent of what is in use"},
	})
}

// networkVariables are those of package proxy and of Go's crypto/x509.
func networkVariables() []Variable {
	return []Variable{
		{"HTTPS_PROXY", "the proxy for https, such as http://proxy.example.com:3128 or socks5://127.0.0.1:1080; https_proxy, too"},
		{"HTTP_PROXY", "the proxy for plain http; http_proxy, too"},
		{"ALL_PROXY", "the proxy for both, where those name none; all_proxy, too"},
		{"NO_PROXY", "what no proxy is asked for, with commas between: names (with all below them), addresses, networks, or *; no_proxy, too"},
		{"SSL_CERT_FILE", "a file with the certificates of authorities, in place of the system's (not on macOS and Windows)"},
		{"SSL_CERT_DIR", "directories of them, with colons between (not on macOS and Windows)"},
	}
}
