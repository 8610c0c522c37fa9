package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
)

func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return "no SQLSTATE"
}

// guest makes a person of that name for one scene.
func (h *leakHouse) guest(name string, change func(*stead.Identity)) stead.Identity {
	id := stead.Identity{Kind: stead.User, Name: name, Attributes: stead.Attributes{"region": {"EU"}}}
	if change != nil {
		change(&id)
	}
	h.people(id)
	return id
}

func mayStandIn(id *stead.Identity) {
	id.Attributes, id.Permissions = nil, []stead.Permission{stead.ImpersonateUser}
}

var revocationScenes = []scene{
	{"an attribute is taken from who has a statement prepared", "1000, 0", func(t *testing.T, h *leakHouse) string {
		id := h.guest("gina", nil)
		w := h.as(t, "gina", "")
		w.exchange(&pgproto3.Parse{Name: "s", Query: countSQL}, &pgproto3.Sync{})
		before := w.exchange(execute("s")...).text()
		id.Attributes = nil
		h.change(govern.PutIdentity{Identity: id})
		return before + ", " + w.exchange(execute("s")...).text()
	}},
	{"an attribute is taken from who has a cursor open", "ok, 1, !42501", func(t *testing.T, h *leakHouse) string {
		id := h.guest("gerd", nil)
		w := h.as(t, "gerd", "")
		before := steps(w, "declare c cursor with hold for select id from customers order by id", "fetch 1 c")
		id.Attributes = nil
		h.change(govern.PutIdentity{Identity: id})
		return before + ", " + steps(w, "fetch 1 c")
	}},
	{"an attribute is taken in the midst of a transaction with a suspended portal", "1 !42501", func(t *testing.T, h *leakHouse) string {
		id := h.guest("gabi", nil)
		w := h.as(t, "gabi", "")
		w.query("begin")
		first := w.exchange(&pgproto3.Parse{Query: "select id from customers order by id"}, &pgproto3.Bind{DestinationPortal: "p"},
			&pgproto3.Execute{Portal: "p", MaxRows: 1}, &pgproto3.Sync{})
		id.Attributes = nil
		h.change(govern.PutIdentity{Identity: id})
		return first.text() + " " + w.exchange(&pgproto3.Execute{Portal: "p", MaxRows: 1}, &pgproto3.Sync{}).text()
	}},
	{"the permission to stand in is withdrawn: refused, not one's own rights", "1000, !42501, !42501, ok, 0", func(t *testing.T, h *leakHouse) string {
		id := h.guest("stan", mayStandIn)
		w := h.as(t, "stan", "-c immuta.impersonate.user=ana")
		before := steps(w, countSQL)
		id.Permissions = nil
		h.change(govern.PutIdentity{Identity: id})
		return before + ", " + steps(w, countSQL, "select relname from pg_class", "set immuta.impersonate.user = ''", countSQL)
	}},
	{"who is stood in for is disabled", "1000, !42501, !42501", func(t *testing.T, h *leakHouse) string {
		h.guest("dora", nil)
		h.guest("stef", mayStandIn)
		w := h.as(t, "stef", "-c immuta.impersonate.user=dora")
		before := steps(w, countSQL)
		h.change(govern.DisableIdentity{Name: "dora", Disabled: true})
		return before + ", " + steps(w, countSQL, "select 1")
	}},
	{"who is stood in for becomes an administrator", "1000, !42501", func(t *testing.T, h *leakHouse) string {
		id := h.guest("alma", nil)
		h.guest("stig", mayStandIn)
		w := h.as(t, "stig", "-c immuta.impersonate.user=alma")
		before := steps(w, countSQL)
		id.Permissions = []stead.Permission{stead.UserAdmin}
		h.change(govern.PutIdentity{Identity: id})
		return before + ", " + steps(w, countSQL)
	}},
	{"a user is disabled while connected", "1000, !28000 gone", func(t *testing.T, h *leakHouse) string {
		h.guest("dirk", nil)
		w := h.as(t, "dirk", "")
		before := steps(w, countSQL)
		h.change(govern.DisableIdentity{Name: "dirk", Disabled: true})
		return before + ", " + steps(w, countSQL)
	}},
	{"a user is deleted while connected, and another of the name made", "1000, !28000 gone", func(t *testing.T, h *leakHouse) string {
		h.guest("dana", nil)
		w := h.as(t, "dana", "")
		before := steps(w, countSQL)
		h.change(govern.DeleteIdentity{Name: "dana"})
		h.guest("dana", nil)
		return before + ", " + steps(w, countSQL)
	}},
	{"a user is deleted while a cursor is open", "ok, 1, !28000 gone", func(t *testing.T, h *leakHouse) string {
		h.guest("dina", nil)
		w := h.as(t, "dina", "")
		before := steps(w, "declare c cursor with hold for select id from customers order by id", "fetch 1 c")
		h.change(govern.DeleteIdentity{Name: "dina"})
		return before + ", " + steps(w, "fetch 1 c")
	}},
	{"the key that signed in is revoked", "1000, !28000 gone", func(t *testing.T, h *leakHouse) string {
		h.guest("kira", nil)
		w := h.as(t, "kira", "")
		before := steps(w, countSQL)
		must(t, h.govern.RevokeKey(context.Background(), h.admin, "", "kira", "test"))
		h.world.Refresh(context.Background())
		return before + ", " + steps(w, countSQL)
	}},
	{"the connection is switched off", "1000, !42501, !42501", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		before := steps(w, countSQL)
		off := stead.Connection{Key: "lake", Platform: stead.Embedded, Address: h.data, Disabled: true}
		h.change(govern.PutConnection{Connection: off})
		during := steps(w, countSQL, "select relname from pg_class")
		off.Disabled = false
		h.change(govern.PutConnection{Connection: off})
		return before + ", " + during
	}},
	{"a table is taken away while its rows are being sent", "ended early, 42501", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		done := make(chan reply, 1)
		go func() {
			done <- w.query("select count(*) from customers a, customers b, customers c, orders d where a.id + b.id + c.id + d.id = -1")
		}()
		h.untilAsked("select count(*) from customers a, customers b")
		h.change(govern.DeletePolicy{Key: "open"})
		r := <-done
		h.policies(leakPolicies[0])
		return "ended early, " + strings.Trim(r.text(), "!")
	}},
	{"statements, once rights came back", "1000", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "ana", ""), countSQL)
	}},
}

// untilAsked waits for the intent record of a statement.
func (h *leakHouse) untilAsked(statement string) {
	h.t.Helper()
	for h.t.Context().Err() == nil {
		page, err := h.audit.Search(context.Background(), audit.Filter{Kinds: []stead.RecordKind{stead.QueryIntent}}, 1000, "")
		must(h.t, err)
		for _, e := range page.Entries {
			if strings.HasPrefix(e.Record.Statement, statement) {
				return
			}
		}
	}
}
