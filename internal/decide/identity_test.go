package decide

import (
	"reflect"
	"testing"

	"stead"
)

func principal(kind stead.PrincipalKind, name string) stead.Principal {
	return stead.Principal{Kind: kind, IAM: stead.DefaultIAM, Name: name}
}

func TestGroupsNestAndCyclesEnd(t *testing.T) {
	f := newFixture(t)
	ana := f.user("ana", stead.Attributes{"k": {"own"}})
	f.group("a", ana, principal(stead.GroupPrincipal, "c"))
	f.group("b", principal(stead.GroupPrincipal, "a"))
	f.group("c", principal(stead.GroupPrincipal, "b"))
	f.group("elsewhere", principal(stead.UserPrincipal, "bo"))
	f.delta.Groups[1].Attributes = stead.Attributes{"k": {"b"}}
	f.delta.Groups[2].IAM = "okta"
	f.delta.Groups[0].Members[1].IAM = "okta"
	w := f.world()
	s, _ := w.Subject(1)
	if want := []string{stead.AllIdentities, stead.AllUsers, "a", "b", "okta:c"}; !reflect.DeepEqual(s.Groups, want) {
		t.Errorf("groups %q", s.Groups)
	}
	if !reflect.DeepEqual(s.Attributes, stead.Attributes{"k": {"b", "own"}}) {
		t.Errorf("attributes %v", s.Attributes)
	}
	for name, want := range map[string]bool{"a": true, "b": true, "c": false, stead.AllUsers: true, stead.AllAgents: false, "elsewhere": false} {
		if got := w.IsMember([]stead.Principal{{Kind: stead.GroupPrincipal, Name: name}}, 1); got != want {
			t.Errorf("member of %s: %v", name, got)
		}
	}
	if w.IsMember([]stead.Principal{{Kind: stead.GroupPrincipal, Name: "ana"}}, 1) || w.IsMember(nil, 1) || w.IsMember([]stead.Principal{ana}, 99) {
		t.Error("member of what does not name it")
	}
}

func TestGroupNamesThatCouldBeTakenForOthersCountForNothing(t *testing.T) {
	for _, name := range []string{"okta:finance", stead.AllAgents} {
		f := newFixture(t)
		ana := f.user("ana", nil)
		f.group(name, ana)
		w := f.world()
		if s, _ := w.Subject(1); len(s.Groups) != 2 {
			t.Errorf("groups %q", s.Groups)
		}
	}
}

func TestSettingsHaveDefaults(t *testing.T) {
	w := New()
	if w.Setting(stead.ImpersonateAdministrators) != "false" || w.Setting(stead.GatewaySingleImpersonation) != "false" || w.Setting("nothing") != "" {
		t.Error("defaults")
	}
	on := w.With(Delta{Settings: []stead.Setting{{Name: stead.ImpersonateAdministrators, Value: "true"}}})
	off := on.With(Delta{DeletedSettings: []string{stead.ImpersonateAdministrators}})
	if on.Setting(stead.ImpersonateAdministrators) != "true" || off.Setting(stead.ImpersonateAdministrators) != "false" {
		t.Error("set and deleted")
	}
}
