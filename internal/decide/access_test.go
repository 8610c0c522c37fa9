package decide

import (
	"testing"

	"stead"
)

func subscribe(s *stead.DataSource, p stead.Principal, state stead.SubscriptionState, access stead.Access) *stead.Subscription {
	return &stead.Subscription{ID: 1, Source: s.Object(), Principal: p, State: state, Access: access}
}

// TestAccess asks in the name of ana, who is in the group special. The answer is what she may do: each
// letter stands for an operation (list, read, write, define).
func TestAccess(t *testing.T) {
	const (
		special   = `{"type":"entitlements","entitlements":{"groups":["special"]},"automaticSubscription":true}`
		other     = `{"type":"entitlements","entitlements":{"groups":["other"]},"automaticSubscription":true}`
		shareS    = `{"type":"entitlements","entitlements":{"groups":["special"]},"automaticSubscription":true,"shareResponsibility":true}`
		shareO    = `{"type":"entitlements","entitlements":{"groups":["other"]},"automaticSubscription":true,"shareResponsibility":true}`
		anyone    = `{"type":"anyone","automaticSubscription":true}`
		approval  = `{"type":"approval","approvals":[{"requiredPermission":"OWNER"}]}`
		manual    = `{"type":"manual"}`
		requested = `{"type":"entitlements","entitlements":{"groups":["special"]},"automaticSubscription":false}`
	)
	cases := []struct {
		name     string
		policies []string
		stored   stead.SubscriptionState
		access   stead.Access
		want     string
	}{
		{"no policy", nil, "", "", ""},
		{"no policy, though a subscription is stored", nil, stead.Approved, stead.WriteAccess, ""},
		{"anyone", []string{anyone}, "", "", "lr"},
		{"anyone who takes the step", []string{`{"type":"anyone"}`}, "", "", ""},
		{"anyone who took the step", []string{`{"type":"anyone"}`}, stead.Approved, stead.ReadAccess, "lr"},
		{"entitled", []string{special}, "", "", "lr"},
		{"not entitled", []string{other}, "", "", ""},
		{"not entitled any more, though a subscription is stored", []string{other}, stead.Approved, stead.ReadAccess, ""},
		{"entitled, without the step", []string{requested}, "", "", ""},
		{"entitled, with the step", []string{requested}, stead.Approved, stead.ReadAccess, "lr"},
		{"approval, not asked", []string{approval}, "", "", ""},
		{"approval, pending", []string{approval}, stead.Pending, stead.ReadAccess, ""},
		{"approval, rejected", []string{approval}, stead.Rejected, stead.ReadAccess, ""},
		{"approval, approved", []string{approval}, stead.Approved, stead.ReadAccess, "lr"},
		{"a subscription to nothing", []string{approval}, stead.Approved, "", ""},
		{"manual, not selected", []string{manual}, "", "", ""},
		{"manual, selected", []string{manual}, stead.Approved, stead.ReadAccess, "lr"},
		{"manual does not grant writing", []string{manual}, stead.Approved, stead.WriteAccess, "lr"},
		{"manual with writing", []string{`{"type":"manual","accessGrant":"WRITE"}`}, stead.Approved, stead.WriteAccess, "lrw"},
		{"manual with writing, subscribed to reading", []string{`{"type":"manual","accessGrant":"WRITE"}`}, stead.Approved, stead.ReadAccess, "lr"},
		{"writing", []string{`{"type":"anyone","automaticSubscription":true,"accessGrant":"WRITE"}`}, "", "", "lrw"},
		{"all required: both", []string{anyone, special}, "", "", "lr"},
		{"all required: one fails", []string{anyone, other}, "", "", ""},
		{"shared: one is enough", []string{shareO, shareS}, "", "", "lr"},
		{"shared: none", []string{shareO}, "", "", ""},
		{"required and shared", []string{anyone, shareO, shareS}, "", "", "lr"},
		{"required but no shared", []string{anyone, shareO}, "", "", ""},
		{"shared but not required", []string{other, shareS}, "", "", ""},
		{"the least of the required grants", []string{anyone, `{"type":"anyone","automaticSubscription":true,"accessGrant":"WRITE"}`}, "", "", "lr"},
		{"advanced, met", []string{`{"type":"entitlements","advanced":"@isInGroups('special') AND NOT @isInGroups('other')","automaticSubscription":true}`}, "", "", "lr"},
		{"advanced, not met", []string{`{"type":"entitlements","advanced":"@isInGroups('other')","automaticSubscription":true}`}, "", "", ""},
		{"discovery", []string{`{"type":"manual","allowDiscovery":true}`}, "", "", "l"},
		{"discovery of one required policy only", []string{`{"type":"manual","allowDiscovery":true}`, other}, "", "", ""},
		{"discovery of a shared policy", []string{shareO, `{"type":"manual","allowDiscovery":true,"shareResponsibility":true}`}, "", "", "l"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, through := range []string{"user", "group"} {
				f := newFixture(t)
				p := f.user("ana", nil)
				g := f.group("special", p)
				if through == "group" {
					p = g
				}
				s := f.hr()
				for i, a := range c.policies {
					f.access("p"+string(rune('0'+i)), a)
				}
				if c.stored != "" {
					f.delta.Subscriptions = []*stead.Subscription{subscribe(s, p, c.stored, c.access)}
				}
				w := f.world()
				if got := may(w, asker(t, w, "ana")); got != c.want {
					t.Errorf("through the %s: may %q, not %q", through, got, c.want)
				}
			}
		})
	}
}

func may(w *World, a *stead.Asker) string {
	out := ""
	for _, x := range []struct {
		letter string
		ops    []stead.Operation
	}{{"l", []stead.Operation{stead.List}}, {"r", []stead.Operation{stead.Read}},
		{"w", []stead.Operation{stead.Insert, stead.Update, stead.Delete}}, {"d", []stead.Operation{stead.Define}}} {
		allowed := 0
		for _, op := range x.ops {
			if w.Decide(a, tableAt("hr"), op).Verdict == stead.Allow {
				allowed++
			}
		}
		switch allowed {
		case len(x.ops):
			out += x.letter
		case 0:
		default:
			out += "?"
		}
	}
	return out
}

func TestOwnersReachTheirTablesAndAreMasked(t *testing.T) {
	f := newFixture(t)
	olga := f.user("olga", nil)
	owners := f.group("owners", olga)
	f.hr(owners)
	f.access("p", `{"type":"manual"}`)
	f.data("m", maskOn(byPII, null, ""))
	w := f.world()
	if got := may(w, asker(t, w, "olga")); got != "lrwd" {
		t.Errorf("may %q", got)
	}
	expect(t, read(t, w, "olga"), "always; ssn null; name null")
}

func TestOwnerRestrictions(t *testing.T) {
	for restriction, applies := range map[string]bool{
		`{"users":[{"iamid":"bim","username":"olga"}]}`:  true,
		`{"users":[{"iamid":"okta","username":"olga"}]}`: false,
		`{"users":[{"iamid":"bim","username":"ana"}]}`:   false,
		`{"groups":["owners"]}`:                          true,
		`{"groups":["okta:owners"]}`:                     false,
	} {
		f := newFixture(t)
		olga := f.user("olga", nil)
		f.user("ana", nil)
		f.hr(olga, f.group("owners"))
		f.policy(`{"policyKey":"p","name":"n","type":"subscription","circumstances":[{"type":"all"}],"ownerRestrictions":` + restriction +
			`,"actions":{"type":"anyone","automaticSubscription":true}}`)
		if got := read(t, f.world(), "ana").Verdict == stead.Allow; got != applies {
			t.Errorf("%s: applies %v", restriction, got)
		}
	}
}

func TestDiscoveryShowsColumnsAndNoValue(t *testing.T) {
	f := newFixture(t)
	f.user("ana", nil)
	f.hr()
	f.access("p", `{"type":"manual","allowDiscovery":true}`)
	w := f.world()
	d := w.Decide(asker(t, w, "ana"), tableAt("hr"), stead.List)
	expect(t, d, "never; id denied; dept denied; ssn denied; name denied; salary denied; hired denied")
	if d := read(t, w, "ana"); d.Denial == nil || d.Denial.Code != stead.Denied {
		t.Errorf("reading what may be discovered: %+v", d.Denial)
	}
	if v := w.Visible(asker(t, w, "ana"), "lake"); len(v) != 1 {
		t.Errorf("visible %d", len(v))
	}
}
