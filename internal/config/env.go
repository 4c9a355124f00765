package config

import (
	"slices"
	"strings"

	"exporter/internal/parts"
)

const (
	// envPrefix begins the variables that are ours alone.
	envPrefix = "EXPORTER_"
	// testPrefix begins those that are left to tests of the program.
	testPrefix = envPrefix + "TEST_"
	// fileVariable names the TOML file.
	fileVariable = envPrefix + "CONFIG"
	// jobVariable chooses a job of that file.
	jobVariable = envPrefix + "JOB"
	// keyVariable, parseKeyVariable, which comes after it, urlVariable and headersVariable are read by the API's official clients too.
	keyVariable      = "LLAMA_CLOUD_API_KEY"
	parseKeyVariable = "LLAMA_PARSE_API_KEY"
	urlVariable      = "LLAMA_CLOUD_BASE_URL"
	headersVariable  = "LLAMA_CLOUD_CUSTOM_HEADERS"
	// credentialsVariable names the directory in which systemd keeps the credentials of a service.
	credentialsVariable = "CREDENTIALS_DIRECTORY"
)

// parseEnviron returns the variables that have a value. It refuses EXPORTER_ variables that resemble one of ours, for they are
// slips of the pen that would otherwise go unnoticed. All others are those of other software, and passed over: where a Service
// of a Kubernetes cluster is called exporter, every container has some.
func (l *loader) parseEnviron(environ []string) (map[string]string, error) {
	known := []string{fileVariable, jobVariable, parts.CountVariable}
	for _, k := range l.keys() {
		known = append(known, k.Env())
	}
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !strings.HasPrefix(name, testPrefix) && !slices.Contains(known, name) {
			if err := l.mistakenVariable(name); err != nil {
				return nil, err
			}
			continue
		}
		if value == "" {
			delete(env, name)
			continue
		}
		env[name] = value
	}
	return env, nil
}

// mistakenVariable returns what is wrong with an EXPORTER_ variable that is not ours, or nil where it is meant for another.
func (l *loader) mistakenVariable(name string) error {
	rest := strings.TrimPrefix(name, envPrefix)
	if strings.HasSuffix(rest, "_PORT") {
		// Kubernetes sets it for a Service, such as exporter-run. It is one letter from EXPORTER_RUN_PART, and nothing of ours ends so.
		return nil
	}
	e := &Error{Origin: printable(name), Problem: "unknown variable"}
	bare := strings.ToLower(strings.TrimPrefix(rest, "RUN_"))
	near, flag := l.nearestVariable(rest), flagOnly(bare)
	switch {
	case isKeyName(rest) || isKeyName(strings.TrimPrefix(rest, "API_")):
		e.Problem, e.Remedy = "the API key is not read from this variable", keyRemedy
	case flag != "":
		e.Problem, e.Remedy = onlyFlag(flag)
	case near != "":
		e.Remedy = "did you mean " + near + "?"
	default:
		if flag = nearestFlagOnly(strings.ToUpper(bare)); flag == "" {
			return nil
		}
		e.Remedy = meantFlag(flag)
	}
	return e
}

// loadEnv applies the environment.
func (l *loader) loadEnv(env map[string]string) error {
	if value := env[urlVariable]; value != "" {
		from := origin{urlVariable, true}
		if err := l.assign(l.byPath["api.base_url"], from, []item{{value, from}}); err != nil {
			return err
		}
	}
	for i := range l.settings {
		s := &l.settings[i]
		from := origin{s.key().Env(), true}
		value := env[from.text]
		if value == "" {
			continue
		}
		texts := []string{value}
		if s.typ == TypeList {
			texts = splitList(value)
		}
		if err := l.assign(s, from, itemsFrom(from, texts)); err != nil {
			return err
		}
	}
	return nil
}

// splitList returns the items of a list that is written in one text.
func splitList(text string) []string {
	items := strings.Split(text, ",")
	for i, it := range items {
		items[i] = strings.TrimSpace(it)
	}
	return items
}

func itemsFrom(from origin, texts []string) []item {
	items := make([]item, len(texts))
	for i, text := range texts {
		items[i] = item{text, from}
	}
	return items
}
