package config

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAPI_PermitsStorage(t *testing.T) {
	c, err := load(t, "", nil, "--allow-storage-host", "MinIO.test,*.s3.test,10.1.0.0/16", "--allow-storage-host", "fd00::7")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host, addr string
		want       bool
	}{
		{"minio.test", "192.168.0.1", true},
		{"MINIO.test", "192.168.0.1", true},
		{"a.minio.test", "192.168.0.1", false},
		{"xminio.test", "192.168.0.1", false},
		{"bucket.s3.test", "127.0.0.1", true},
		{"a.b.s3.test", "127.0.0.1", true},
		{"s3.test", "127.0.0.1", false},
		{"xs3.test", "127.0.0.1", false},
		{"other.test", "10.1.2.3", true},
		{"other.test", "10.2.0.1", false},
		{"fd00::7", "fd00::7", true},
		{"fd00::8", "fd00::8", false},
	} {
		if got := c.API.PermitsStorage(tt.host, netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("%s at %s: %t, want %t", tt.host, tt.addr, got, tt.want)
		}
	}
	if Default().API.PermitsStorage("", netip.MustParseAddr("10.1.2.3")) {
		t.Error("something is permitted by default")
	}
}

func TestLoad_StorageHosts_WhatIsNone(t *testing.T) {
	const host, network = " is neither the name of a host nor a network (such as ", " is an address in a network (write "
	for text, want := range map[string]string{
		"": host, "*": host, ".test": host, "a.*.test": host, "https://a.test": host, "a.test:9000": host, "a b": host, "10.0.0": host, "10.0.0.0/33": host,
		"10.1.2.3/8":      network + `"10.0.0.0/8" for the network, or "10.1.2.3" for the address)`,
		"::ffff:10.0.0.1": " is no address as connections have it (such as",
	} {
		_, err := load(t, "[api]\nallow_storage_hosts = [\""+text+"\"]", nil)
		if err == nil || !strings.Contains(err.Error(), "api.allow_storage_hosts: "+quote(text)+want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
