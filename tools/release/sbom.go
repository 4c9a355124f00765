package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The parts of a bill of materials as CycloneDX 1.6 has them in JSON, as far as they are needed.
type (
	bom struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		SerialNumber string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     bomMetadata  `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	bomMetadata struct {
		Timestamp time.Time `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string          `json:"type"`
		Ref        string          `json:"bom-ref"`
		Name       string          `json:"name"`
		Version    string          `json:"version"`
		Licenses   []licenceChoice `json:"licenses,omitempty"`
		PURL       string          `json:"purl,omitempty"`
		Properties []property      `json:"properties,omitempty"`
	}
	licenceChoice struct {
		Expression string `json:"expression"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// sbom writes the modules that the programs were built from, as each of them says itself, with their licences. A module that is not in all of
// them has the platforms where it is.
func sbom(r *release, programs []program) (string, error) {
	licences, err := r.licences()
	if err != nil {
		return "", err
	}
	parts, platforms := map[string]component{}, map[string][]string{}
	for _, p := range programs {
		info, err := buildinfo.ReadFile(p.file)
		if err != nil {
			return "", err
		}
		for _, m := range info.Deps {
			ref := "pkg:golang/" + m.Path + "@" + m.Version
			if licences[m.Path] == "" {
				return "", fmt.Errorf("docs/dependencies.md has no licence of %s", m.Path)
			}
			parts[ref] = component{
				Type: "library", Ref: ref, Name: m.Path, Version: m.Version, PURL: ref, Licenses: []licenceChoice{{licences[m.Path]}},
				Properties: []property{{"exporter:go.sum", m.Sum}},
			}
			platforms[ref] = append(platforms[ref], p.platform)
		}
		std := strings.TrimPrefix(info.GoVersion, "go")
		ref := "pkg:golang/std@" + std
		parts[ref] = component{Type: "library", Ref: ref, Name: "std", Version: std, PURL: ref, Licenses: []licenceChoice{{"BSD-3-Clause"}}}
		platforms[ref] = append(platforms[ref], p.platform)
	}
	own := component{
		Type: "application", Ref: "pkg:generic/" + name + "@" + r.version.plain(), Name: name, Version: r.version.plain(),
		Licenses: []licenceChoice{{"Apache-2.0"}},
	}
	own.PURL = own.Ref
	b := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: bomMetadata{Timestamp: r.date, Component: own}, Components: []component{},
		Dependencies: []dependency{{Ref: own.Ref, DependsOn: slices.Sorted(maps.Keys(parts))}},
	}
	for _, ref := range b.Dependencies[0].DependsOn {
		part := parts[ref]
		if len(platforms[ref]) < len(programs) {
			part.Properties = append(part.Properties, property{"exporter:platforms", strings.Join(platforms[ref], " ")})
		}
		b.Components = append(b.Components, part)
	}
	b.SerialNumber = serial(b)
	content, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return "", err
	}
	return r.write(fmt.Sprintf("exporter-%s.cdx.json", r.version.plain()), append(content, '\n'))
}

// serial returns a UUID that is another one where anything else in the list is (RFC 9562, version 8).
func serial(b bom) string {
	content, err := json.Marshal(b)
	if err != nil {
		panic(err) // There is nothing in it but text.
	}
	sum := sha256.Sum256(content)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return "urn:uuid:" + strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// licences returns the licence of each module that is linked, by its path, as docs/dependencies.md has it.
func (r *release) licences() (map[string]string, error) {
	doc, err := os.ReadFile(filepath.Join(r.root, "docs", "dependencies.md"))
	if err != nil {
		return nil, err
	}
	_, text, _ := strings.Cut(string(doc), "\n## In the program\n")
	text, _, _ = strings.Cut(text, "\n## ")
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.HasPrefix(line, "| `") {
			found[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[3])
		}
	}
	return found, nil
}

// licence returns the licences of the program with all that is linked into it, as one expression of SPDX.
func (r *release) licence() (string, error) {
	all, err := r.licences()
	if err != nil {
		return "", err
	}
	kinds := map[string]bool{"Apache-2.0": true, "BSD-3-Clause": true}
	for _, expression := range all {
		for kind := range strings.SplitSeq(expression, " AND ") {
			kinds[kind] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(kinds)), " AND "), nil
}
