package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead/internal/pgserver/town"
	"stead/internal/push"
	"stead/policy/expr"
)

// scene is a way in which the world can be: who has which departments, and what the policy is.
type scene struct {
	depts map[string][]string
	few   bool // rows above 5 are nobody's
}

var scenes = []scene{
	{depts: map[string][]string{"alice": {"d0", "d1"}, "bob": {"d2"}}},
	{depts: map[string][]string{"alice": {"d0"}, "bob": {"d1", "d2"}}},
	{depts: map[string][]string{"alice": {"d0"}, "bob": {"d1", "d2"}}, few: true},
	{depts: map[string][]string{"alice": {"d0", "d1"}, "bob": {"d2"}}, few: true},
}

// state is the scene as it is pushed, with svc, who may stand in for alice and bob.
func (c scene) state(s *site, beside ...*push.Source) *push.State {
	w := hrWorld()
	w.sources = append(w.sources, beside...)
	w.depts = c.depts
	w.more = map[push.SetID]*push.Set{
		{Table: push.Identities, Key: "9"}: {Rows: []push.Row{{"9", "bim", "svc", "t", "t", "f", ""}}},
		{Table: push.Logins, Key: "svc"}:   {Rows: []push.Row{{"svc", "9", "t", "f", "f"}}},
		{Table: push.StandIns, Key: "9"}:   {Rows: []push.Row{{"9", "1"}, {"9", "2"}, {"9", "3"}}},
	}
	if c.few {
		for i, src := range w.sources {
			next := *src
			next.Rows = mustCall(expr.And, src.Rows, mustCall(expr.Le, expr.Column{Name: "id", Typ: expr.Type{Kind: expr.Int, Bits: 32}}, expr.IntLit(5)))
			w.sources[i] = digested(&next)
		}
	}
	return w.state(s)
}

const everything = "SELECT string_agg(concat_ws(',', id, dept, ssn, coalesce(salary::text, '~')), ' ' ORDER BY id) FROM emp"

// sees is what everything shows to somebody.
func (c scene) sees(who string) string {
	var rows []string
	for id := 1; id <= 9; id++ {
		dept, ssn := fmt.Sprintf("d%d", id%3), fmt.Sprintf("%09d", id)
		if !slices.Contains(c.depts[who], dept) || c.few && id > 5 {
			continue
		}
		if who == "alice" {
			rows = append(rows, fmt.Sprintf("%d,%s,%s,%d", id, dept, ssn, 1000*id))
		} else {
			rows = append(rows, fmt.Sprintf("%d,%s,%s,~", id, dept, hashed("source/7", ssn)))
		}
	}
	if rows == nil {
		return "~"
	}
	return strings.Join(rows, " ")
}

// legal reports whether somebody may get an answer in some scene. Between taking and giving, fewer rows are seen; which, is what two
// scenes have in common. An error is no answer.
func legal(who, got string) bool {
	if got == "~" || got == "ERROR 40001" || got == "ERROR 55000" {
		return true
	}
	for _, c := range scenes {
		if c.sees(who) == got {
			return true
		}
		for _, d := range scenes {
			if got != "" && got == common(c.sees(who), d.sees(who)) {
				return true
			}
		}
	}
	return false
}

func common(a, b string) string {
	var rows []string
	for _, r := range strings.Fields(a) {
		if slices.Contains(strings.Fields(b), r) {
			rows = append(rows, r)
		}
	}
	return strings.Join(rows, " ")
}

// stage is a site brought to the first scene; shift goes on to a next one each time, by rows and by objects.
type stage struct {
	*site
	now *push.State
	at  int
	// full counts answers that showed rows.
	full atomic.Int64
}

func newStage(t *testing.T, settings map[string]string, connections int) *stage {
	s := newSite(t, settings, "CREATE ROLE svc LOGIN; GRANT readers TO svc;")
	if connections > 0 {
		s.exec(fmt.Sprintf("ALTER SYSTEM SET max_connections = %d", connections))
		s.exec("CHECKPOINT") // commits are not waited for here
		if err := s.server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.admin = s.dial("postgres")
		s.p = s.open()
	}
	st := &stage{site: s, now: scenes[0].state(s)}
	s.apply(st.now, nil)
	return st
}

func (s *stage) shift() error {
	s.at = (s.at + 1) % len(scenes)
	next := scenes[s.at].state(s.site)
	plan, err := s.p.Plan(s.Context(), next, s.now)
	if err == nil {
		err = s.p.Apply(s.Context(), plan, nil)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, errors.Unwrap(err))
	}
	s.now = next
	return nil
}

// under lets clients ask while the world shifts, until all of them are done.
func (s *stage) under(clients int, client func(n int) error) {
	s.Helper()
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(clients))
	failed := make(chan error, clients)
	for n := range clients {
		group.Go(func() {
			defer left.Add(-1)
			if err := client(n); err != nil {
				failed <- fmt.Errorf("client %d: %w", n, err)
			}
		})
	}
	shifts := 0
	for left.Load() > 0 {
		if err := s.shift(); err != nil {
			s.Error(err)
			break
		}
		shifts++
	}
	group.Wait()
	close(failed)
	for err := range failed {
		s.Error(err)
	}
	s.Log(shifts, "changes of the world meanwhile,", s.full.Load(), "answers with rows")
	if shifts < 4 || s.full.Load() < int64(clients) {
		s.Error("the world hardly changed meanwhile, or nobody saw anything")
	}
	s.settled(s.now)
	for _, who := range []string{"alice", "bob", "carol"} {
		s.want(who, everything, scenes[s.at].sees(who))
	}
}

// asked asks as somebody within a session of svc and judges the answer. Who may not be stood in for, and svc itself, see nothing.
func (s *stage) asked(ctx context.Context, c *pgx.Conn, who string) error {
	if got := answer(ctx, c, town.Call(who)); got != "CALL" {
		return errors.New(town.Call(who) + ": " + got)
	}
	return s.judged(ctx, c, who)
}

// judged asks and judges the answer.
func (s *stage) judged(ctx context.Context, c *pgx.Conn, who string) error {
	got := answer(ctx, c, everything)
	if !legal(who, got) {
		return fmt.Errorf("as %q: %s", who, got)
	}
	if strings.Contains(got, ",") {
		s.full.Add(1)
	}
	return nil
}

var whoever = []string{"alice", "bob", "carol", "", "mallory", "svc"}

// In transaction mode through a listed pooler each transaction says for itself who asks, and two clients are never mixed up.
func TestPoolInTransactionMode(t *testing.T) {
	s := newStage(t, map[string]string{"poolers": "127.0.0.1"}, 0)
	at := town.Bouncer(t, s.server, "transaction", "DISCARD ALL")
	conns := make([]*pgx.Conn, 40)
	for i := range conns {
		conns[i] = town.Dial(t, at("svc"))
	}
	ctx := t.Context()
	s.under(len(conns), func(n int) error {
		c := conns[n]
		for range 40 {
			if got := answer(ctx, c, everything); got != "~" && got != "ERROR 42501" && got != "ERROR 42P01" {
				return errors.New("without a CALL: " + got)
			}
			if got := answer(ctx, c, "BEGIN"); got != "BEGIN" {
				return errors.New(got)
			}
			if err := s.asked(ctx, c, whoever[rand.IntN(len(whoever))]); err != nil {
				return err
			}
			end := []string{"COMMIT", "ROLLBACK"}[rand.IntN(2)]
			if got := answer(ctx, c, end); got != end && got != "ROLLBACK" {
				return errors.New(got)
			}
		}
		return nil
	})
}

// In session mode the documented reset query gives the next client a session that is nobody's.
func TestPoolInSessionMode(t *testing.T) {
	s := newStage(t, nil, 0)
	at := town.Bouncer(t, s.server, "session", town.ResetQuery)
	s.under(16, func(n int) error {
		for range 10 {
			c, err := pgx.Connect(t.Context(), at("svc"))
			if err != nil {
				return err
			}
			if got := answer(t.Context(), c, everything); got != "~" && got != "ERROR 42P01" {
				return errors.New("a new client: " + got)
			}
			for range 3 {
				if err := s.asked(t.Context(), c, whoever[rand.IntN(len(whoever))]); err != nil {
					return err
				}
			}
			if err := c.Close(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
}

// A pool of an application that ends impersonation when a connection comes back lends connections that are nobody's.
func TestPoolOfAnApplication(t *testing.T) {
	s := newStage(t, nil, 0)
	config, err := pgxpool.ParseConfig(s.server.DSN("svc", "postgres") + " pool_max_conns=8")
	if err != nil {
		t.Fatal(err)
	}
	config.AfterRelease = func(c *pgx.Conn) bool {
		_, err := c.Exec(context.Background(), town.Call(""))
		return err == nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	s.under(32, func(n int) error {
		for range 40 {
			err := pool.AcquireFunc(t.Context(), func(c *pgxpool.Conn) error {
				if got := answer(t.Context(), c.Conn(), everything); got != "~" {
					return errors.New("a connection as it was lent: " + got)
				}
				return s.asked(t.Context(), c.Conn(), whoever[rand.IntN(len(whoever))])
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// 200 sessions of people and of who stands in for them: whatever the policies are just becoming, each answer is one that they allow.
func TestPoolOfParallelSessions(t *testing.T) {
	s := newStage(t, nil, 260)
	conns := make([]*pgx.Conn, 200)
	logins := []string{"alice", "bob", "carol", "svc"}
	for i := range conns {
		conns[i] = s.dial(logins[i%len(logins)])
	}
	s.under(len(conns), func(n int) error {
		login := logins[n%len(logins)]
		for range 15 {
			if login == "svc" {
				if err := s.asked(t.Context(), conns[n], whoever[rand.IntN(len(whoever))]); err != nil {
					return err
				}
				continue
			}
			if err := s.judged(t.Context(), conns[n], login); err != nil {
				return err
			}
		}
		return nil
	})
}
