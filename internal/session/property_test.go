package session

import (
	"math/rand/v2"
	"slices"
	"testing"

	"stead"
)

// model is what a session should be, told from the promises and not from the code: the name asked for last, and whether
// it was ever permitted.
type model struct {
	asked    string
	accepted bool
}

// TestImpersonationNeverFallsBack walks random sequences of requests, ends, permission changes and outages, and compares
// every statement with the model: whoever asks under a pending refused request gets nothing, least of all the actor's rights.
func TestImpersonationNeverFallsBack(t *testing.T) {
	names := []string{"ana@example.com", "bob@example.com", "admin", "robot", "nobody", "bad\x01name"}
	ids := map[string]stead.IdentityID{"ana@example.com": ana, "bob@example.com": bob}
	refusals, served := 0, 0
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		b := newBench()
		s := open(t, b, b.login(bi))
		var m model
		permitted := func(name string) bool {
			id, ok := ids[name]
			return ok && !b.world.identities[id].Disabled && b.world.identities[bi].Holds(stead.ImpersonateUser)
		}
		for step := range 60 {
			pinned := b.world.settings[stead.GatewaySingleImpersonation] == "true"
			switch rnd.IntN(6) {
			case 0, 1:
				name := names[rnd.IntN(len(names))]
				err := s.Impersonate(ctx, name)
				if m.accepted && pinned && name != m.asked {
					if err == nil {
						t.Fatalf("seed %d step %d: a pinned one was changed", seed, step)
					}
					break
				}
				if name != m.asked {
					m = model{asked: name}
				}
				if (err == nil) != permitted(name) {
					t.Fatalf("seed %d step %d: Impersonate(%q): %v", seed, step, name, err)
				}
				m.accepted = m.accepted || err == nil
			case 2:
				err := s.EndImpersonation(ctx)
				if (err != nil) != (m.accepted && pinned) {
					t.Fatalf("seed %d step %d: end: %v", seed, step, err)
				}
				if err == nil {
					m = model{}
				}
			case 3:
				p := &b.world.identities[bi].Permissions
				if *p = nil; rnd.IntN(3) > 0 {
					*p = []stead.Permission{stead.ImpersonateUser}
				}
			case 4:
				b.world.settings[stead.GatewaySingleImpersonation] = []string{"true", "false"}[rnd.IntN(2)]
			case 5:
				target := b.world.identities[[]stead.IdentityID{ana, bob}[rnd.IntN(2)]]
				target.Disabled = rnd.IntN(3) == 0
			}
			b.world.revision++
			st, err := s.Begin(ctx)
			switch {
			case m.asked == "" && (err != nil || st.Asker.Subject.Identity != bi || st.Asker.Basis != stead.ByLogin):
				t.Fatalf("seed %d step %d: own rights expected: %v", seed, step, err)
			case m.asked != "" && !permitted(m.asked) && err == nil:
				t.Fatalf("seed %d step %d: refused %q was answered as %q", seed, step, m.asked, st.Asker.Subject.Name)
			case m.asked != "" && permitted(m.asked) && (err != nil || st.Asker.Subject.Identity != ids[m.asked] || st.Asker.Basis != stead.ByImpersonation):
				t.Fatalf("seed %d step %d: %q expected: %v", seed, step, m.asked, err)
			}
			if err != nil {
				refusals++
			} else {
				served++
				m.accepted = m.accepted || m.asked != ""
			}
		}
		if !slices.ContainsFunc(b.log.records, func(r stead.Record) bool { return r.Kind == stead.SignIn }) {
			t.Fatal("no sign-in record")
		}
	}
	if refusals < 1000 || served < 1000 {
		t.Fatalf("the walk is lopsided: %d refusals, %d answers", refusals, served)
	}
}
