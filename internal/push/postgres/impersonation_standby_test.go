package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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
	lsn := ask(t.Context(), primary, "SELECT pg_current_wal_insert_lsn()")
	for ctx := within(t); ask(ctx, standby, "SELECT pg_last_wal_replay_lsn() >= '"+lsn+"'") != "t"; {
		select {
		case <-ctx.Done():
			t.Fatal("the standby does not follow")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestImpersonationOnAStandby(t *testing.T) {
	w := newTown(t)
	standby, err := w.server.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Close() })
	primary, there := w.connect("postgres"), dial(t, standby.DSN("postgres", "postgres"))
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
		{"the one subject of one who never asks for itself", "onlysvc", steps(lostStep(), isAsking("<null>"), then(call("Bob")), sees(asBob), isAsking("bob"), then(call("")), lostStep(), isAsking("<null>"))},
		{"another subject", "onlysvc", steps(then(call("dora")), lostStep(), isAsking("<null>"), then(call("bob")), sees(asBob))},
		{"two subjects could be mixed: refused", "svc", steps(then(call("bob")), lostStep(), isAsking("<null>"), then(call("")), sees(nothing), isAsking("svc"))},
		{"pinned", "pinsvc", steps(then(call("bob")), lostStep())},
		{"native", "native", steps(then(call("bob")), lostStep(), then(call("")), sees(nothing))},
		{"not permitted", "alice", steps(then(call("bob")), lostStep(), then(call("")), sees(asAlice))},
		{"READ ONLY is no matter here", "onlysvc", steps(then("BEGIN READ ONLY"), then(call("bob")), sees(asBob), then("ROLLBACK"), lostStep())},
		{"DISCARD ALL", "onlysvc", steps(then(call("bob")), then("DISCARD ALL"), lostStep())},
		{"a token is not made up", "onlysvc", steps(set("'2|99999999999|00'"), lostStep(), set("'2'"), lostStep(), set("'||'"), lostStep(), set("'99999999999999999999|99999999999|00'"), lostStep())},
		{"nor its subject changed", "onlysvc", steps(then(call("bob")), sees(asBob), set("'3' || substr(current_setting('immuta.binding'), 2)"), lostStep())},
		{"nor its end", "onlysvc", steps(then(call("bob")), then(keep), set("regexp_replace(current_setting('immuta.binding'), '[|][0-9]+[|]', '|99999999999|')"), lostStep(), set("current_setting('play.old')"), sees(asBob))},
		{"a cursor is not completed as nobody", "onlysvc", steps(then(call("bob")), then("BEGIN"), then("DECLARE c CURSOR FOR SELECT dept, ssn FROM hr_gov.lazy"), step{"FETCH c", "d03|<null>"}, then("SET LOCAL immuta.binding = ''"), refusedWith("FETCH c", "42501"), then("ROLLBACK"))},
	} {
		t.Run(c.name, func(t *testing.T) { w.playOn(t, dial(t, standby.DSN(c.login, "postgres")), there, c.steps) })
	}
	one := dial(t, standby.DSN("onlysvc", "postgres"))
	w.playOn(t, one, there, steps(then(call("bob")), sees(asBob)))
	token = w.ask(one, "SHOW immuta.binding")
	w.playOn(t, dial(t, standby.DSN("onlysvc", "postgres")), there, steps(then("SET immuta.binding = '"+token+"'"), lostStep()))
	w.exec(primary, "UPDATE immuta_system.login SET own = true WHERE role = 'onlysvc'")
	replay(t, primary, there)
	w.playOn(t, one, there, steps(lostStep(), then("RESET immuta.binding"), isAsking("onlysvc")))
	w.exec(primary, "UPDATE immuta_system.login SET own = false WHERE role = 'onlysvc'; DELETE FROM immuta_system.stand_in WHERE actor = 10")
	replay(t, primary, there)
	w.playOn(t, one, there, steps(then("SET immuta.binding = '"+token+"'"), lostStep(), then(call("bob")), lostStep()))
}
