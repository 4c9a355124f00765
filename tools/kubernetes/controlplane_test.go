package kubernetes

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// controlPlane is what decides in a cluster, on loopback, without a node and without a scheduler.
type controlPlane struct {
	*client.Clientset
	// kubeconfig is the file by which kubectl finds it.
	kubeconfig string
	// version is the one that the API server says it has, such as v1.37.2.
	version string
}

// startControlPlane runs etcd, the API server and the controllers until the test ends.
func startControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	dir := t.TempDir()
	etcd := "http://" + freeAddress(t)
	peers := "http://" + freeAddress(t)
	start(t, exec.CommandContext(t.Context(), "server", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers, "--unsafe-no-fsync", "--log-level", "error"))

	token := rand.Text()
	tokens, key := filepath.Join(dir, "tokens"), filepath.Join(dir, "accounts.key")
	write(t, tokens, token+",test,test,system:masters\n")
	write(t, key, newKey(t))
	host, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	start(t, exec.CommandContext(t.Context(), "kube-apiserver", "--etcd-servers", etcd, "--bind-address", host, "--advertise-address", host, "--endpoint-reconciler-type", "none", "--secure-port", port,
		"--cert-dir", dir, "--token-auth-file", tokens, "--anonymous-auth=false", "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.0.0.0/24",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key, "--service-account-signing-key-file", key))

	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: "https://" + net.JoinHostPort(host, port), CertificateAuthority: filepath.Join(dir, "apiserver.crt")}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: namespace}
	config.CurrentContext = "test"
	c := &controlPlane{kubeconfig: filepath.Join(dir, "kubeconfig")}
	if err := clientcmd.WriteToFile(*config, c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	c.connect(t)

	start(t, exec.CommandContext(t.Context(), "kube-controller-manager", "--kubeconfig", c.kubeconfig, "--bind-address", host, "--secure-port", "0",
		"--leader-elect=false", "--service-account-private-key-file", key, "--kube-api-qps", "500", "--kube-api-burst", "500",
		"--controllers", "job-controller,cronjob-controller,namespace-controller,serviceaccount-controller,garbage-collector-controller,pod-garbage-collector-controller,ttl-after-finished-controller"))
	return c
}

// connect waits until the API server is ready, and makes a client of it.
func (c *controlPlane) connect(t *testing.T) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		// The certificate is there once the server has begun.
		var config *rest.Config
		if config, last = clientcmd.BuildConfigFromFlags("", c.kubeconfig); last != nil {
			return false, nil
		}
		config.QPS, config.Burst = 500, 500
		if c.Clientset, last = client.NewForConfig(config); last == nil {
			last = c.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		}
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("the API server is not ready: %v", last)
	}
	version, err := c.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	c.version = version.GitVersion
}

// environment is that in which kubectl finds the control plane, and keeps nothing at home.
func (c *controlPlane) environment() []string {
	return append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "KUBECACHEDIR="+filepath.Join(filepath.Dir(c.kubeconfig), "cache"))
}

// kubectl runs a command of kubectl that must succeed without a warning, and returns what it printed.
func (c *controlPlane) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kubectl", args...)
	cmd.Env = c.environment()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// start runs a command until the test ends, and shows the end of what it said where the test failed.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	name := filepath.Base(c.Path)
	said, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = said, said
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		// The context of the test has ended, and with it the command.
		<-ended
		text, _ := os.ReadFile(said.Name())
		said.Close()
		if t.Failed() {
			t.Logf("%s said last:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
}

// freeAddress returns an address on loopback at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// newKey returns a key in PEM, which signs the tokens of accounts.
func newKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
