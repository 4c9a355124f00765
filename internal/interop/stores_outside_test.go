//go:build stores

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"exporter/internal/store"
	"exporter/internal/store/bucket/buckettest"
)

// minioVersion is the last commit of the server before it was archived.
const minioVersion = "v0.0.0-20260212201848-7aac2a2c5b7c"

func startMinIO(t *testing.T) *objectStore {
	t.Helper()
	folder := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", "github.com/minio/minio@"+minioVersion)
	install.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+folder)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install minio: %v\n%s", err, out)
	}
	address := freeAddress(t)
	s := &objectStore{url: "http://" + address, key: "KEYOFTHETEST", secret: "sesame-open", dir: t.TempDir()}
	c := exec.CommandContext(t.Context(), filepath.Join(folder, "minio"), "server", "--address", address, "--console-address", freeAddress(t), s.dir)
	c.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.key, "MINIO_ROOT_PASSWORD="+s.secret)
	waitFor(t, s.url+"/minio/health/ready", start(t, c))
	// It says that it is ready before it is.
	first := s.client(t)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := first.Put(t.Context(), "x", store.Bytes("x"), 1)
		if err == nil {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// startS3Proxy needs Java and Maven.
func startS3Proxy(t *testing.T) *objectStore {
	t.Helper()
	config, err := filepath.Abs(filepath.Join("testdata", "s3proxy"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	get := program(t, "mvn", "-q", "-f", filepath.Join(config, "pom.xml"), "dependency:copy-dependencies", "-DoutputDirectory="+folder)
	if out, err := get.CombinedOutput(); err != nil {
		t.Fatalf("mvn: %v\n%s", err, out)
	}
	address := freeAddress(t)
	s := &objectStore{url: "http://" + address, key: "KEYOFTHETEST", secret: "sesame-open", dir: t.TempDir()}
	properties := filepath.Join(folder, "s3proxy.conf")
	text := fmt.Sprintf("s3proxy.endpoint=%s\ns3proxy.authorization=aws-v4\ns3proxy.identity=%s\ns3proxy.credential=%s\njclouds.provider=filesystem-nio2\njclouds.filesystem.basedir=%s\n",
		s.url, s.key, s.secret, s.dir)
	if err := os.WriteFile(properties, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	said := start(t, program(t, "java", "-cp", config+":"+filepath.Join(folder, "*"), "org.gaul.s3proxy.Main", "--properties", properties))
	waitFor(t, s.url, said)
	return s
}

// The client of S3 keeps its promises with these stores, and they pass the probe of a bucket. MinIO takes minutes to compile.
func TestStores_Client_Suite(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *objectStore{"MinIO": startMinIO, "S3Proxy": startS3Proxy, "VersityGW": startVersityGW} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			buckettest.RunClient(t, s.client)
			t.Run("Probe", func(t *testing.T) { own(t, s.client(t)) })
			t.Run("TwoWriters", func(t *testing.T) { loseNothing(t, s) })
		})
	}
}
