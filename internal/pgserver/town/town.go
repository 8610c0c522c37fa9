// Package town is what tests of governed PostgreSQL stand on: a started server with our own objects and one governed table.
package town

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead/internal/pgserver"
	"stead/internal/push"
	"stead/internal/push/postgres/system"
)

// Town is a database with our objects and one governed table, made by hand as documented: hr.emp of 900 rows, 100 a department.
// alice sees d01 and d02, bob d03, dora d04, mallory d05; svc sees nothing itself. bob's rule masks the
// number where a fact holds, so that losing the fact would show it.
type Town struct {
	T      *testing.T
	Server *pgserver.Server
}

// New starts a server with settings of postgresql.conf; the test's end stops it.
func New(t *testing.T, conf ...string) *Town {
	t.Helper()
	w := &Town{T: t, Server: Start(t, conf...)}
	admin := w.Connect("postgres")
	w.Bootstrap(admin, false)
	w.Exec(admin, townSQL)
	return w
}

// Start starts an empty server; the test's end stops it.
func Start(t testing.TB, conf ...string) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(t.Context(), conf...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Settings are the defaults.
func (w *Town) Settings() push.Settings {
	s, err := push.ParseSettings(nil)
	if err != nil {
		w.T.Fatal(err)
	}
	return s
}

// Bootstrap runs the script, with the event trigger where the connection is a superuser's that is to make it.
func (w *Town) Bootstrap(c *pgx.Conn, super bool) {
	w.T.Helper()
	script, err := system.Script(w.Settings(), "hr", "one", super)
	if err != nil {
		w.T.Fatal(err)
	}
	w.Exec(c, "BEGIN;"+strings.Join(script, ";\n")+";COMMIT")
}

// DSN is the address of the database for a role.
func (w *Town) DSN(role string) string { return w.Server.DSN(role, "postgres") }

// Connect opens a session of a role.
func (w *Town) Connect(role string) *pgx.Conn {
	w.T.Helper()
	return Dial(w.T, w.DSN(role))
}

// Log is the server's log so far.
func (w *Town) Log() string {
	w.T.Helper()
	text, err := os.ReadFile(w.Server.LogFile())
	if err != nil {
		w.T.Fatal(err)
	}
	return string(text)
}

// Exec runs statements, and fails the test on an error.
func (w *Town) Exec(c *pgx.Conn, sql string) {
	w.T.Helper()
	Exec(w.T, c, sql)
}

// Ask is the function Ask in the test's time.
func (w *Town) Ask(c *pgx.Conn, sql string) string { return Ask(w.T.Context(), c, sql) }

// Dial opens a session; the test's end closes it.
func Dial(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// Exec runs statements, and fails the test on an error.
func Exec(t testing.TB, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%v\n%.2000s", err, sql)
	}
}

// Ask runs statements as they are and gives the last one's rows as text, or the error's code.
func Ask(ctx context.Context, c *pgx.Conn, sql string) string {
	last, failed := Last(ctx, c, sql)
	if failed != "" {
		return failed
	}
	return Text(last, "<null>", "|", ",")
}

// Last runs statements as they are and gives the last one's result, or what failed: "ERROR" and the code where the server said so.
func Last(ctx context.Context, c *pgx.Conn, sql string) (last *pgconn.Result, failed string) {
	results, err := c.PgConn().Exec(ctx, sql).ReadAll()
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		return nil, "ERROR " + e.Code
	case err != nil:
		return nil, "broken: " + err.Error()
	case len(results) == 0:
		return &pgconn.Result{}, ""
	}
	return results[len(results)-1], ""
}

// Text writes a result's rows down.
func Text(r *pgconn.Result, null, between, end string) string {
	rows := make([]string, len(r.Rows))
	for i, row := range r.Rows {
		fields := make([]string, len(row))
		for j, f := range row {
			fields[j] = null
			if f != nil {
				fields[j] = string(f)
			}
		}
		rows[i] = strings.Join(fields, between)
	}
	return strings.Join(rows, end)
}

// Call is the SQL that asks in somebody's stead; "" ends it.
func Call(name string) string {
	if name == "" {
		return "CALL immuta_procedures.impersonate_user(NULL)"
	}
	return "CALL immuta_procedures.impersonate_user('" + name + "')"
}
