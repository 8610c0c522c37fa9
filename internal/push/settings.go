package push

import (
	"slices"
	"strings"
	"unicode/utf8"

	"stead"
)

// Settings are what an administrator chooses for a connection of the push style. The zero value of a member is its default.
type Settings struct {
	// GovernedRole is the role whose members are governed; every login that maps to an identity is made one.
	GovernedRole string
	// ImpersonationRole is the role whose members may ask in somebody's stead.
	ImpersonationRole string
	// Exempt logins see what a table's owner sees: pipelines that load and check data.
	Exempt []string
	// Pinned logins cannot end or change an accepted impersonation in a session.
	Pinned []string
	// ImpersonateOnly logins never ask for themselves.
	ImpersonateOnly []string
	// Poolers are addresses of connection poolers in transaction mode: impersonation ends with the transaction there.
	Poolers []string
	// NoForce are tables, "schema.table", whose owner is not governed: loaders that need COPY FROM.
	NoForce []string
	// Move are tables, "schema.table", that are moved away so that the governed view takes their name.
	Move []string
	// KeepDependents are views and functions, "schema.name", that stay readable though they read a governed table; one that is a data
	// source too may show what another data source governs.
	KeepDependents []string
	// Drift says what happens when the platform differs from what was applied.
	Drift DriftPolicy
	// Manual: changes of objects wait for `stead connection apply`; rows are edited at once all the same.
	Manual bool
}

// DriftPolicy is what happens on drift.
type DriftPolicy string

// The policies. The default repairs.
const (
	RepairDrift DriftPolicy = "repair" // plan anew and apply; refuse the data source while that fails
	RefuseDrift DriftPolicy = "refuse" // refuse the data source until somebody applies
	ReportDrift DriftPolicy = "report" // only tell
)

// The names of settings as they are written in a connection's document.
const (
	SettingGovernedRole      = "governed_role"
	SettingImpersonationRole = "impersonation_role"
	SettingExempt            = "exempt"
	SettingPinned            = "pinned"
	SettingImpersonateOnly   = "impersonate_only"
	SettingPoolers           = "poolers"
	SettingNoForce           = "no_force"
	SettingMove              = "move"
	SettingKeepDependents    = "keep_dependents"
	SettingDrift             = "drift"
	SettingApply             = "apply"
)

// ParseSettings reads a connection's settings strictly: lists are separated by commas, names are trimmed. Errors
// have the setting as their place.
func ParseSettings(m map[string]string) (Settings, error) {
	s := Settings{GovernedRole: "immuta_governed", ImpersonationRole: "immuta_impersonator", Drift: RepairDrift}
	for name, text := range m {
		if err := s.set(name, text); err != nil {
			return Settings{}, err.At(stead.Place{Path: "settings." + name})
		}
	}
	if s.GovernedRole == s.ImpersonationRole {
		return Settings{}, stead.Errorf(stead.Invalid, "the governed role and the impersonation role are the same").
			At(stead.Place{Path: "settings." + SettingImpersonationRole}).WithHint("give them two names")
	}
	return s, nil
}

func (s *Settings) set(name, text string) *stead.Error {
	lists := map[string]*[]string{SettingExempt: &s.Exempt, SettingPinned: &s.Pinned, SettingImpersonateOnly: &s.ImpersonateOnly,
		SettingPoolers: &s.Poolers, SettingNoForce: &s.NoForce, SettingMove: &s.Move, SettingKeepDependents: &s.KeepDependents}
	if list := lists[name]; list != nil {
		return readList(list, text)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return stead.Errorf(stead.Invalid, "is empty").WithHint("leave the setting out for its default")
	}
	switch name {
	case SettingGovernedRole:
		s.GovernedRole = text
		return checkRole(text)
	case SettingImpersonationRole:
		s.ImpersonationRole = text
		return checkRole(text)
	case SettingDrift:
		s.Drift = DriftPolicy(text)
		if !slices.Contains([]DriftPolicy{RepairDrift, RefuseDrift, ReportDrift}, s.Drift) {
			return stead.Errorf(stead.Invalid, "%q is not a policy for drift", text).WithHint("use repair, refuse or report")
		}
	case SettingApply:
		if text != "auto" && text != "manual" {
			return stead.Errorf(stead.Invalid, "%q is not known", text).WithHint("use auto or manual")
		}
		s.Manual = text == "manual"
	default:
		return stead.Errorf(stead.Invalid, "the setting is not known").WithHint("use one of %s", strings.Join(settingNames(), ", "))
	}
	return nil
}

// checkRole refuses names that no platform keeps whole, and those that could end the quoting of a function's body.
func checkRole(name string) *stead.Error {
	const most = 63
	if len(name) > most || strings.ContainsFunc(name, func(r rune) bool { return r == '$' || r < ' ' || r == utf8.RuneError }) {
		return stead.Errorf(stead.Invalid, "the name of the role is longer than %d bytes, or holds a dollar sign or a control character", most).
			WithHint("choose a plain name")
	}
	return nil
}

func readList(into *[]string, text string) *stead.Error {
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		switch {
		case entry == "":
			return stead.Errorf(stead.Invalid, "has an empty entry").WithHint("separate names by commas")
		case slices.Contains(*into, entry):
			return stead.Errorf(stead.Invalid, "names %q twice", entry).WithHint("name it once")
		}
		*into = append(*into, entry)
	}
	slices.Sort(*into)
	return nil
}

func settingNames() []string {
	return []string{SettingApply, SettingDrift, SettingExempt, SettingGovernedRole, SettingImpersonateOnly, SettingImpersonationRole,
		SettingKeepDependents, SettingMove, SettingNoForce, SettingPinned, SettingPoolers}
}
