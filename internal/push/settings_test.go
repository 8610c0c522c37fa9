package push

import (
	"testing"

	"stead"
)

func TestSettingsAreReadStrictly(t *testing.T) {
	s, err := ParseSettings(map[string]string{"exempt": " etl , backup", "drift": "refuse", "apply": "manual"})
	if err != nil || s.GovernedRole != "immuta_governed" || len(s.Exempt) != 2 || s.Exempt[0] != "backup" || s.Drift != RefuseDrift || !s.Manual {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, bad := range map[string]map[string]string{
		"an unknown setting":       {"exmept": "etl"},
		"an empty entry":           {"exempt": "etl,,backup"},
		"an entry twice":           {"exempt": "etl,etl"},
		"an empty role":            {"governed_role": " "},
		"one role for both":        {"governed_role": "r", "impersonation_role": "r"},
		"a role that ends a quote": {"governed_role": "a$body$b"},
		"a role too long":          {"impersonation_role": string(make([]byte, 64))},
		"an unknown drift policy":  {"drift": "ignore"},
		"an unknown way to apply":  {"apply": "later"},
	} {
		if _, err := ParseSettings(bad); err == nil || stead.AsError(err).Code != stead.Invalid || stead.AsError(err).Place.Path == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
