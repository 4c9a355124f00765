//go:build stores

package interop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"exporter/internal/store/az"
	"exporter/internal/store/bucket"
	"exporter/internal/store/bucket/buckettest"
)

// azurite is an emulator of Azure Blob Storage that others wrote.
type azurite struct {
	address    string
	containers atomic.Int64
}

// The account of Azurite, and its key, which its documentation has.
const azuriteAccount, azuriteKey = "devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

// startAzurite installs and runs one until the test ends.
func startAzurite(t *testing.T) *azurite {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "azurite")
	if err := os.CopyFS(folder, os.DirFS("azurite")); err != nil {
		t.Fatal(err)
	}
	npm := program(t, "npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in a copy of azurite (is its registry reached?): %v\n%s", err, out)
	}
	s := &azurite{address: freeAddress(t)}
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", filepath.Join(folder, "node_modules", ".bin", "azurite-blob"),
		"--blobHost", host, "--blobPort", port, "--silent", "--inMemoryPersistence", "--disableTelemetry")
	waitFor(t, "http://"+s.address, start(t, c))
	return s
}

func (s *azurite) connection() string {
	return "AccountName=" + azuriteAccount + ";AccountKey=" + azuriteKey + ";BlobEndpoint=http://" + s.address + "/" + azuriteAccount
}

// makeContainer makes a container that is empty, and returns its name.
func (s *azurite) makeContainer(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("container-%d", s.containers.Add(1))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.address+"/"+azuriteAccount+"/"+name+"?restype=container", nil)
	if err != nil {
		t.Fatal(err)
	}
	date := time.Now().UTC().Format(http.TimeFormat)
	key, err := base64.StdEncoding.DecodeString(azuriteKey)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:%s\nx-ms-version:2021-12-02\n/%s/%[2]s/%s\nrestype:container", date, azuriteAccount, name)
	r.Header.Set("X-Ms-Date", date)
	r.Header.Set("X-Ms-Version", "2021-12-02")
	r.Header.Set("Authorization", "SharedKey "+azuriteAccount+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("make a container: %v, %v", answer, err)
	}
	answer.Body.Close()
	return name
}

// client returns a client of a container that is empty.
func (s *azurite) client(t *testing.T) bucket.Client {
	t.Helper()
	c, err := az.New(t.Context(), az.Options{Container: s.makeContainer(t), Variable: func(variable string) string {
		return map[string]string{"AZURE_STORAGE_CONNECTION_STRING": s.connection()}[variable]
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// The client of Azure keeps its promises with an emulator that others wrote, and exports lie there as they do in a directory.
func TestStores_Azurite(t *testing.T) {
	s := startAzurite(t)
	buckettest.RunClient(t, s.client)
	t.Run("Probe", func(t *testing.T) { own(t, s.client(t)) })
	t.Run("ProgramsOwnTests", func(t *testing.T) {
		passOwnTests(t, map[string]string{"AZURE_STORAGE_CONNECTION_STRING": s.connection()}, "az://"+s.makeContainer(t), "Export", "SecondWriter", "KillAtRandomMoment")
	})
}
