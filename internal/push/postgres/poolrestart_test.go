package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/policy/expr"
)

// beside are tables like hr.emp beside it, whose columns everybody sees, so that an apply has a middle to be stopped in.
func beside(n int) (sources []*push.Source, sql string) {
	for i := range n {
		src := *empSource()
		src.ID, src.Path, src.Columns = stead.SourceID(100+i), []string{"hr", fmt.Sprintf("emp%d", i)}, nil
		for _, c := range empSource().Columns {
			src.Columns = append(src.Columns, push.Column{Name: c.Name, Type: c.Type, Shown: expr.Column{Name: c.Name, Typ: c.Type}})
		}
		sources = append(sources, digested(&src))
		sql += fmt.Sprintf("CREATE TABLE hr.emp%d AS TABLE hr.emp;", i)
	}
	return sources, "SET ROLE hr_owner;" + sql + "RESET ROLE;"
}

// ids is what somebody sees of the numbers of a table.
func (c scene) ids(who string) string {
	var ids []string
	for _, row := range strings.Fields(c.sees(who)) {
		id, _, _ := strings.Cut(row, ",")
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

func legalIDs(who, got string) bool {
	for _, c := range scenes {
		for _, d := range scenes {
			if got == common(c.ids(who), d.ids(who)) {
				return true
			}
		}
	}
	return got == "~" || got == "ERROR 40001" || got == "ERROR 55000"
}

// The server crashes in the middle of an apply, again and again: nobody sees too much then or afterwards, and the next apply gets to
// where the world is.
func TestPoolServerCrashesWithinAnApply(t *testing.T) {
	const crashes, tables = 24, 40
	sources, sql := beside(tables)
	s := newSite(t, nil, "CREATE ROLE svc LOGIN; GRANT readers TO svc;"+sql)
	s.exec("ALTER SYSTEM SET synchronous_commit = on")
	s.exec("SELECT pg_reload_conf()")
	s.apply(scenes[0].state(s, sources...), nil)
	stop := make(chan struct{})
	var group sync.WaitGroup
	var rows, away atomic.Int64
	for n := range 2 {
		group.Go(func() { watch(t, s, []string{"alice", "bob"}[n], tables, stop, &rows, &away) })
	}
	within := 0
	for n := range crashes {
		next := scenes[(n+1)%len(scenes)].state(s, sources...)
		if crash(t, s, next) {
			within++
		}
		if err := s.server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.p = s.open() // as reconcile does after a platform was away
		s.apply(next, nil)
		if n%4 == 3 {
			s.admin = s.dial("postgres")
			s.settled(next)
		}
	}
	close(stop)
	group.Wait()
	t.Log(within, "of", crashes, "crashes within an apply;", rows.Load(), "answers with rows,", away.Load(), "without a server")
	if within < crashes/2 || rows.Load() < 100 || away.Load() == 0 {
		t.Error("the crashes did not meet applies, or the readers did not read")
	}
}

// crash stops the server while a state is applied, after some steps, and reports whether that cut the apply off.
func crash(t *testing.T, s *site, next *push.State) bool {
	plan := s.plan(next, nil)
	after := rand.IntN(len(plan.Steps))
	reached := make(chan struct{})
	stopped := make(chan error, 1)
	go func() {
		<-reached
		stopped <- s.server.Stop(context.Background())
	}()
	if after == 0 {
		close(reached)
	}
	err := s.p.Apply(t.Context(), plan, func(p push.Progress) {
		if p.Done == after && after > 0 && p.Retry == nil {
			close(reached)
			after = 0
		}
	})
	if after > 0 {
		t.Fatal("the apply ended before it was cut off: ", err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	return err != nil
}

// watch reads one table after the other, also while there is no server, and judges what it sees.
func watch(t *testing.T, s *site, who string, tables int, stop chan struct{}, rows, away *atomic.Int64) {
	var c *pgx.Conn
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		if c == nil || c.IsClosed() {
			var err error
			if c, err = pgx.Connect(context.Background(), s.server.DSN(who, "postgres")); err != nil {
				away.Add(1)
				c = nil
				continue
			}
		}
		sql, fine := everything, legal
		if i%2 == 1 {
			sql, fine = fmt.Sprintf("SELECT string_agg(id::text, ' ' ORDER BY id) FROM hr.emp%d", rand.IntN(tables)), legalIDs
		}
		got := answer(context.Background(), c, sql)
		switch {
		case strings.HasPrefix(got, "broken") || strings.HasPrefix(got, "ERROR 57"):
			away.Add(1)
		case !fine(who, got):
			t.Errorf("%s: %s: %s", who, sql, got)
			return
		case got != "~":
			rows.Add(1)
		}
	}
}
