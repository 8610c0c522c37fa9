package system_test

import (
	"testing"

	"stead/internal/pgserver/town"
)

// Two clients of one login share one backend here.
func TestPgBouncer(t *testing.T) {
	w := town.New(t)
	admin := w.Connect("postgres")
	t.Run("transaction mode, not listed: not safe, as documented", func(t *testing.T) {
		at := town.Bouncer(t, w.Server, "transaction", "DISCARD ALL")
		a, b := town.Dial(t, at("svc")), town.Dial(t, at("svc"))
		playOn(t, a, admin, steps(then(town.Call("bob"))))
		playOn(t, b, admin, steps(isAsking("bob"), then(town.Call(""))))
	})
	t.Run("transaction mode, listed", func(t *testing.T) {
		w.Exec(admin, "INSERT INTO immuta_system.pooler VALUES ('127.0.0.1')")
		defer w.Exec(admin, "DELETE FROM immuta_system.pooler")
		at := town.Bouncer(t, w.Server, "transaction", "DISCARD ALL")
		a, b := town.Dial(t, at("svc")), town.Dial(t, at("svc"))
		playOn(t, a, admin, steps(then(town.Call("bob")), lostStep(), then("BEGIN"), then(town.Call("bob")), sees(asBob), then("COMMIT")))
		playOn(t, b, admin, steps(lostStep(), isAsking("<null>"), then("BEGIN"), then(town.Call("dora")), sees(asDora), then("COMMIT"), then("BEGIN"), then(town.Call("")), isAsking("svc"), then("COMMIT")))
		playOn(t, a, admin, steps(lostStep(), then("BEGIN"), then(town.Call("bob")), sees(asBob), then("ROLLBACK"), isAsking("<null>")))
	})
	for _, c := range []struct {
		name, reset string
		next        []step
	}{
		{"session mode, DISCARD ALL alone: the next one is refused", "DISCARD ALL", steps(lostStep(), isAsking("<null>"), then(town.Call("")), sees(nothing), isAsking("svc"))},
		{"session mode, the documented reset", town.ResetQuery, steps(sees(nothing), isAsking("svc"), then(town.Call("dora")), sees(asDora))},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := town.Bouncer(t, w.Server, "session", c.reset)
			a := town.Dial(t, at("svc"))
			playOn(t, a, admin, steps(then(town.Call("bob")), sees(asBob)))
			if err := a.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			playOn(t, town.Dial(t, at("svc")), admin, c.next)
		})
	}
}
