package system_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead/internal/pgserver/town"
)

// Each of 200 sessions of one login changes whom it asks as, and never sees what is another's.
func TestParallelSessions(t *testing.T) {
	const sessions, rounds = 200, 8
	w := town.New(t, "max_connections = 260")
	var group sync.WaitGroup
	failed := make(chan string, sessions)
	for n := range sessions {
		group.Go(func() {
			if why := switching(t, w, n, rounds); why != "" {
				failed <- why
			}
		})
	}
	group.Wait()
	close(failed)
	for why := range failed {
		t.Error(why)
	}
	admin := w.Connect("postgres")
	w.Exec(admin, "SELECT immuta_system.sweep()")
	for ctx := within(t); w.Ask(admin, "SELECT immuta_system.sweep() * 0 + count(*) FROM immuta_system.binding") != "0"; {
		if ctx.Err() != nil {
			t.Fatal("bindings of sessions that are gone stay")
		}
	}
}

func switching(t *testing.T, w *town.Town, n, rounds int) string {
	c, err := pgx.Connect(t.Context(), w.DSN("svc"))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close(t.Context()) }()
	as := []struct{ name, sees string }{{"bob", asBob}, {"dora", asDora}, {"", nothing}, {"alice", nothing}}
	for round := range rounds {
		who := as[(n*7+round*3)%len(as)]
		if got := town.Ask(t.Context(), c, town.Call(who.name)); got != "" {
			return fmt.Sprintf("session %d: %s: %s", n, town.Call(who.name), got)
		}
		for range 2 {
			if got := town.Ask(t.Context(), c, seen); got != who.sees {
				return fmt.Sprintf("session %d as %q sees %s", n, who.name, got)
			}
		}
	}
	return ""
}

// A pool that resets what it lends shows nobody another's rows; one that forgets is refused rather than answered as the one before.
func TestPool(t *testing.T) {
	w := town.New(t)
	config, err := pgxpool.ParseConfig(w.DSN("svc") + " pool_max_conns=4")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var group sync.WaitGroup
	failed := make(chan string, 400)
	for n := range 400 {
		group.Go(func() {
			err := pool.AcquireFunc(t.Context(), func(c *pgxpool.Conn) error {
				if n%4 == 3 { // a client that asks for itself after whoever
					got := town.Ask(t.Context(), c.Conn(), seen)
					if got != nothing && got != "ERROR 42501" {
						return errors.New("without a CALL somebody sees " + got)
					}
					return nil
				}
				who := [][2]string{{"bob", asBob}, {"dora", asDora}, {"alice", nothing}}[n%3]
				if got := town.Ask(t.Context(), c.Conn(), town.Call(who[0])); got != "" {
					return errors.New(got)
				}
				if got := town.Ask(t.Context(), c.Conn(), seen); got != who[1] {
					return errors.New(who[0] + " sees " + got)
				}
				_, err := c.Exec(t.Context(), "DISCARD ALL", pgx.QueryExecModeSimpleProtocol)
				return err
			})
			if err != nil {
				failed <- err.Error()
			}
		})
	}
	group.Wait()
	close(failed)
	for why := range failed {
		t.Error(why)
	}
}

// A backend that has the number of one that is gone has nothing of what that one had.
func TestStaleBindingOfTheSamePid(t *testing.T) {
	w := town.New(t)
	admin := w.Connect("postgres")
	for _, c := range []struct{ name, login, sql, want string }{
		{"of the same login", "alice", "INSERT INTO immuta_system.binding VALUES (%s, '2020-01-01', 'alice', 2, false, 'n')", asAlice},
		{"and its nonce", "svc", "INSERT INTO immuta_system.binding VALUES (%s, '2020-01-01', 'svc', 2, false, 'n')", "ERROR 42501"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.Connect(c.login)
			w.Exec(admin, strings.Replace(c.sql, "%s", fmt.Sprint(s.PgConn().PID()), 1))
			if c.want[0] == 'E' {
				w.Exec(s, "SET immuta.binding = 'n'")
			}
			playOn(t, s, admin, steps(sees(c.want), then(town.Call("")), isAsking(c.login)))
		})
	}
}

// The history and the log say who asked in whose stead, and never the nonce.
func TestHistoryAndLog(t *testing.T) {
	w := town.New(t)
	c := w.Connect("svc")
	nonces := []string{}
	for _, name := range []string{"bob", "alice", "bim:DORA", ""} {
		w.Exec(c, town.Call(name))
		nonces = append(nonces, w.Ask(c, "SHOW immuta.binding"))
	}
	w.Exec(c, "BEGIN;"+town.Call("bob")+";ROLLBACK")
	admin := w.Connect("postgres")
	want := "svc|2|bob|t|f,svc|<null>|alice|f|f,svc|3|bim:DORA|t|f,svc|3||f|t"
	if got := w.Ask(admin, "SELECT login, subject, asked, accepted, ended FROM immuta_system.impersonation WHERE pid = "+fmt.Sprint(c.PgConn().PID())+" ORDER BY id"); got != want {
		t.Error("the history says", got)
	}
	log := w.Log()
	for _, line := range []string{`"event": "accepted"`, `"event": "refused"`, `"event": "ended"`, `"subject": "bim:dora"`, `"asked": "alice"`} {
		if !strings.Contains(log, line) {
			t.Error("the log does not say", line)
		}
	}
	if n := strings.Count(log, `"event": "accepted"`); n != 3 {
		t.Error("accepted in the log, with the one that was rolled back:", n)
	}
	for _, nonce := range nonces[:3] {
		if len(nonce) != 32 || strings.Contains(log, nonce) {
			t.Error("the log holds a nonce", nonce)
		}
	}
}
