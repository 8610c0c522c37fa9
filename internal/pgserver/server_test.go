package pgserver

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestAServerAndItsStandby(t *testing.T) {
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	ask := func(dsn, sql string) (out string) {
		c, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		if err := c.QueryRow(t.Context(), sql).Scan(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := ask(s.DSN(Superuser, "postgres"), "select session_user::text"); got != Superuser {
		t.Fatal(got)
	}
	b, err := s.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(b.DSN(Superuser, "postgres"), "select pg_is_in_recovery()::text"); got != "true" {
		t.Error("the standby is none")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(s.DSN(Superuser, "postgres"), "select 'x'")
}
