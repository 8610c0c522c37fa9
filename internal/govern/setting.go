package govern

import (
	"context"
	"slices"
	"strings"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// PutSetting sets a setting; the empty value goes back to the default. For APPLICATION_ADMIN.
type PutSetting struct{ Setting stead.Setting }

// setting says what a known setting takes, and which values give more than which.
type setting struct {
	check  func(value string) (canonical string, err error)
	widens func(before, after string) string
}

// settingOf returns the rules of a setting, false for an unknown one.
func settingOf(name string) (setting, bool) {
	switch name {
	case stead.ImpersonateAdministrators:
		return setting{checkBool, func(_, after string) string {
			return when(after == "true", "administrators of stead can be impersonated")
		}}, true
	case stead.GatewaySingleImpersonation:
		return setting{checkBool, func(before, after string) string {
			return when(before == "true" && after != "true", "impersonation is no longer pinned")
		}}, true
	case stead.GatewayImpersonators:
		return setting{checkNames, func(before, after string) string {
			more := added(strings.Split(before, ","), strings.Split(after, ","))
			return when(after != "" && len(more) > 0, "may stand in for every user on the gateway: "+strings.Join(more, ", "))
		}}, true
	default:
		return setting{}, false
	}
}

// SettingNames lists the known settings.
func SettingNames() []string {
	return []string{stead.ImpersonateAdministrators, stead.GatewayImpersonators, stead.GatewaySingleImpersonation}
}

func when(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func (e PutSetting) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("change settings", stead.ApplicationAdmin); err != nil {
		return Outcome{}, err
	}
	rules, ok := settingOf(e.Setting.Name)
	if !ok {
		return Outcome{}, invalid("name", "setting %q is not known", shorten(e.Setting.Name)).
			WithHint("the settings are %s", strings.Join(SettingNames(), ", "))
	}
	value := e.Setting.Value
	if value != "" {
		var err error
		if value, err = rules.check(value); err != nil {
			return Outcome{}, err
		}
	}
	old, row, err := find[stead.Setting](ctx, t, store.Settings, e.Setting.Name)
	if err != nil {
		return Outcome{}, err
	}
	before := ""
	if old != nil {
		before = old.Value
	}
	o := Outcome{Noun: store.Settings, Key: e.Setting.Name, Op: None}
	switch {
	case value == "" && old != nil:
		o, err = remove(ctx, t, store.Settings, row, e.Setting.Name)
	case value != "":
		o, err = put(ctx, t, store.Settings, row, e.Setting.Name, e.Setting.Name, &stead.Setting{Name: e.Setting.Name, Value: value})
	}
	if err != nil || o.Op == None {
		return o, err
	}
	if w := rules.widens(before, value); w != "" {
		o.Widens = []string{w}
	}
	return t.done(ctx, o)
}

func checkBool(value string) (string, error) {
	if value != "true" && value != "false" {
		return "", invalid("value", "must be true or false")
	}
	return value, nil
}

// checkNames reads a comma-separated list of user names into canonical spellings.
func checkNames(value string) (string, error) {
	var out []string
	for entry := range strings.SplitSeq(value, ",") {
		iam, name, err := session.ParseName(strings.TrimSpace(entry))
		if err != nil {
			return "", stead.AsError(err).At(stead.Place{Path: "value"})
		}
		if strings.Contains(name, ",") {
			return "", invalid("value", "a name with a comma cannot be listed")
		}
		out = append(out, session.FormatName(iam, name))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ","), nil
}
