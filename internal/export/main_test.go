package export

import (
	"testing"

	"exporter/internal/testmain"
)

func TestMain(m *testing.M) {
	testmain.Quick()
	m.Run()
}
