package system_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead/internal/pgserver/town"
)

// within is how long a test waits for a signal that must come.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// replay waits until the standby has replayed what the primary wrote.
func replay(t *testing.T, primary, standby *pgx.Conn) {
	t.Helper()
	lsn := town.Ask(t.Context(), primary, "SELECT pg_current_wal_insert_lsn()")
	for ctx := within(t); town.Ask(ctx, standby, "SELECT pg_last_wal_replay_lsn() >= '"+lsn+"'") != "t"; {
		select {
		case <-ctx.Done():
			t.Fatal("the standby does not follow")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestImpersonationOnAStandby(t *testing.T) {
	w := town.New(t)
	standby, err := w.Server.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Close() })
	primary, there := w.Connect("postgres"), town.Dial(t, standby.DSN("postgres", "postgres"))
	replay(t, primary, there)
	const keep, forge = "DO $$ BEGIN PERFORM set_config('play.old', current_setting('immuta.binding'), false); END $$", "DO $$ BEGIN PERFORM set_config('immuta.binding', %s, false); END $$"
	set := func(expression string) step { return then(strings.Replace(forge, "%s", expression, 1)) }
	token := ""
	for _, c := range []struct {
		name, login string
		steps       []step
	}{
		{"people see their own", "alice", steps(sees(asAlice), isAsking("alice"))},
		{"who is exempt is", "etl", steps(step{"SELECT count(*) FROM hr.emp", asExempt})},
		{"the one subject of one who never asks for itself", "onlysvc", steps(lostStep(), isAsking("<null>"), then(town.Call("Bob")), sees(asBob), isAsking("bob"), then(town.Call("")), lostStep(), isAsking("<null>"))},
		{"another subject", "onlysvc", steps(then(town.Call("dora")), lostStep(), isAsking("<null>"), then(town.Call("bob")), sees(asBob))},
		{"two subjects could be mixed: refused", "svc", steps(then(town.Call("bob")), lostStep(), isAsking("<null>"), then(town.Call("")), sees(nothing), isAsking("svc"))},
		{"pinned", "pinsvc", steps(then(town.Call("bob")), lostStep())},
		{"native", "native", steps(then(town.Call("bob")), lostStep(), then(town.Call("")), sees(nothing))},
		{"not permitted", "alice", steps(then(town.Call("bob")), lostStep(), then(town.Call("")), sees(asAlice))},
		{"READ ONLY is no matter here", "onlysvc", steps(then("BEGIN READ ONLY"), then(town.Call("bob")), sees(asBob), then("ROLLBACK"), lostStep())},
		{"DISCARD ALL", "onlysvc", steps(then(town.Call("bob")), then("DISCARD ALL"), lostStep())},
		{"a token is not made up", "onlysvc", steps(set("'2|99999999999|00'"), lostStep(), set("'2'"), lostStep(), set("'||'"), lostStep(), set("'99999999999999999999|99999999999|00'"), lostStep())},
		{"nor its subject changed", "onlysvc", steps(then(town.Call("bob")), sees(asBob), set("'3' || substr(current_setting('immuta.binding'), 2)"), lostStep())},
		{"nor its end", "onlysvc", steps(then(town.Call("bob")), then(keep), set("regexp_replace(current_setting('immuta.binding'), '[|][0-9]+[|]', '|99999999999|')"), lostStep(), set("current_setting('play.old')"), sees(asBob))},
		{"a cursor is not completed as nobody", "onlysvc", steps(then(town.Call("bob")), then("BEGIN"), then("DECLARE c CURSOR FOR SELECT dept, ssn FROM hr_gov.lazy"), step{"FETCH c", "d03|<null>"}, then("SET LOCAL immuta.binding = ''"), refusedWith("FETCH c", "42501"), then("ROLLBACK"))},
	} {
		t.Run(c.name, func(t *testing.T) { playOn(t, town.Dial(t, standby.DSN(c.login, "postgres")), there, c.steps) })
	}
	one := town.Dial(t, standby.DSN("onlysvc", "postgres"))
	playOn(t, one, there, steps(then(town.Call("bob")), sees(asBob)))
	token = w.Ask(one, "SHOW immuta.binding")
	playOn(t, town.Dial(t, standby.DSN("onlysvc", "postgres")), there, steps(then("SET immuta.binding = '"+token+"'"), lostStep()))
	w.Exec(primary, "UPDATE immuta_system.login SET own = true WHERE role = 'onlysvc'")
	replay(t, primary, there)
	playOn(t, one, there, steps(lostStep(), then("RESET immuta.binding"), isAsking("onlysvc")))
	w.Exec(primary, "UPDATE immuta_system.login SET own = false WHERE role = 'onlysvc'; DELETE FROM immuta_system.stand_in WHERE actor = 10")
	replay(t, primary, there)
	playOn(t, one, there, steps(then("SET immuta.binding = '"+token+"'"), lostStep(), then(town.Call("bob")), lostStep()))
}
