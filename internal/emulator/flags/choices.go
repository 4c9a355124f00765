package flags

import (
	"maps"
	"slices"
	"strings"

	"exporter/internal/emulator"
)

// Choices returns the values of a flag that takes some of a set; nil for one that takes others.
func Choices(flag string) []string {
	switch strings.TrimPrefix(flag, "storage-") {
	case "limit-kind":
		return texts(emulator.LimitKinds())
	case "retry-after":
		return texts(emulator.RetryAfterStyles())
	}
	switch flag {
	case "faults":
		return texts(emulator.FaultKinds())
	case "fault-routes":
		return slices.Sorted(maps.Keys(faultRoutes()))
	case "quota-headers":
		return append([]string{noHeaders}, texts(emulator.QuotaSpellings())...)
	case "quota-lie":
		return texts(emulator.QuotaLies())
	case "synthetic-ids":
		return texts(idKinds())
	case "throttle-status":
		return []string{"429", "503"}
	}
	return nil
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
