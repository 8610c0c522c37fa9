package duckdb

import "testing"

func TestFoldName(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "Abc_Z9": "abc_z9", "publİc": "publİc", "Kelvin \u212a": "kelvin \u212a", "ÉÖ": "ÉÖ", "ſA": "ſa"} {
		if got := FoldName(in); got != want {
			t.Errorf("FoldName(%q) = %q, want %q", in, got, want)
		}
	}
}
