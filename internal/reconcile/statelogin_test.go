package reconcile

import (
	"testing"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/internal/push/pushtest"
	"stead/policy"
	"stead/policy/expr"
)

// hall is a world of one table that anybody reads, and a platform brought to it.
func hall(t *testing.T, change func(*decide.Delta)) (*push.State, func(login, inStead string) bool) {
	t.Helper()
	p, err := policy.Decode([]byte(`{"policyKey":"p","name":"n","type":"subscription","actions":{"type":"anyone","automaticSubscription":true},"circumstances":[{"type":"all"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p.ID = 1
	user := func(id stead.IdentityID, iam, name string) *stead.Identity {
		return &stead.Identity{ID: id, Kind: stead.User, IAM: iam, Name: name}
	}
	d := decide.Delta{Revision: 1, Connections: []*stead.Connection{{ID: 1, Key: pushtest.Connection, Platform: stead.PostgreSQL}}, Policies: []*policy.Policy{p},
		Sources:    []*stead.DataSource{{ID: 1, Connection: pushtest.Connection, Path: []string{"s", "t"}, State: stead.Active, Columns: []stead.Column{{Name: "n", Type: expr.IntType}}}},
		Identities: []*stead.Identity{user(1, "bim", "ana"), user(2, "bim", "bo"), user(3, "okta", "bo"), user(4, "bim", "eve")}}
	d.Identities[3].Disabled = true
	change(&d)
	s, err := Build(decide.New().With(d), pushtest.Connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &pushtest.Model{Native: map[string]bool{"bi": true, "bo": true, "eve": true}}
	plan, err := m.Plan(t.Context(), s, nil)
	if err == nil {
		err = m.Apply(t.Context(), plan, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, func(login, inStead string) bool {
		rows, err := m.Ask(pushtest.Asked{Login: login, InStead: inStead, Source: 1, At: noon}, []pushtest.Data{{"n": expr.IntValue(1)}})
		if err != nil {
			t.Fatal(err)
		}
		return len(rows) > 0
	}
}

// TestLoginsInDoubtAreNobody: who is disabled, and who cannot be told, stands in for nobody either, whatever the platform says.
func TestLoginsInDoubtAreNobody(t *testing.T) {
	state, sees := hall(t, func(*decide.Delta) {})
	for _, c := range []struct {
		login, inStead string
		want           bool
	}{
		{"ana", "", true}, {"ana", "bo", false}, {"bi", "", false}, {"bi", "ana", true}, {"bi", "okta:bo", true}, {"bi", "eve", false},
		{"bo", "", false}, {"bo", "ana", false}, {"eve", "", false}, {"eve", "ana", false}, {"mallory", "", false}, {"mallory", "ana", false},
	} {
		if got := sees(c.login, c.inStead); got != c.want {
			t.Errorf("%s in the stead of %q sees: %v", c.login, c.inStead, got)
		}
	}
	if len(state.Problems) != 1 || state.Problems[0].Object != "bo" {
		t.Errorf("problems %+v", state.Problems)
	}
}

func TestSettingsOfLogins(t *testing.T) {
	_, sees := hall(t, func(d *decide.Delta) { d.Connections[0].Settings = map[string]string{"impersonate_only": "ana"} })
	if sees("ana", "") || !sees("bi", "ana") {
		t.Error("a login that only impersonates asks for itself, or is not asked for")
	}
	_, sees = hall(t, func(d *decide.Delta) { d.Connections[0].Disabled = true })
	if sees("ana", "") || sees("bi", "ana") {
		t.Error("a connection that is off answers")
	}
	s, _ := hall(t, func(d *decide.Delta) { d.Connections[0].Settings = map[string]string{"exempt": "eve,etl"} })
	for role, want := range map[string]push.Row{"etl": {"etl", "", "f", "f", "t"}, "eve": {"eve", "4", "f", "f", "f"}} {
		if got := s.Sets[push.SetID{Table: push.Logins, Key: role}]; got == nil || len(got.Rows) != 1 || got.Rows[0] != want {
			t.Errorf("%s: %+v", role, got)
		}
	}
}

// TestWhatNoRowHoldsRefuses: texts that a platform would alter, access that moves with the time, and settings that nobody knows.
func TestWhatNoRowHoldsRefuses(t *testing.T) {
	_, sees := hall(t, func(d *decide.Delta) { d.Identities[0].Attributes = stead.Attributes{"k": {"a\x00b"}} })
	if sees("ana", "") || sees("bi", "ana") {
		t.Error("an identity whose values cannot be held is served")
	}
	s, sees := hall(t, func(d *decide.Delta) {
		p, err := policy.Decode([]byte(`{"policyKey":"q","name":"n","type":"subscription","actions":{"type":"entitlements","automaticSubscription":true,"advanced":"today() > DATE '2020-01-01'"},"circumstances":[{"type":"all"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		p.ID = 2
		d.Policies = append(d.Policies, p)
	})
	if sees("ana", "") || s.Sources[1].Refused == "" {
		t.Error("access that moves with the time was worked out beforehand")
	}
	w := decide.New().With(decide.Delta{Connections: []*stead.Connection{{ID: 1, Key: "c", Settings: map[string]string{"wish": "x"}}}})
	for _, c := range []string{"c", "nowhere"} {
		if s, err := Build(w, c, nil); err == nil {
			t.Errorf("%s: %+v", c, s)
		}
	}
}
