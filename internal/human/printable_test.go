package human

import "testing"

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain é 図 🐚 ×": "plain é 図 🐚 ×", "a\x1b[31mb\x00\r\n\t\x7f": `a\u001b[31mb\u0000\u000d\u000a\u0009\u007f`,
		"\u009b\u202e\u2028\u00a0\ufeff": `\u009b\u202e\u2028\u00a0\ufeff`, "\U000e0041": `\udb40\udc41`, "\xff": "\ufffd",
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%+q) = %s, want %s", text, got, want)
		}
	}
}
