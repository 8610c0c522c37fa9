package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/govern"
)

// scene is an attack in several steps; what run returns must be want.
type scene struct {
	name, want string
	run        func(t *testing.T, h *leakHouse) string
}

type sceneTable struct {
	title  string
	scenes []scene
}

var sceneTables = []sceneTable{
	{"Whose answer: prepared statements, portals, cursors and pools", switchScenes},
	{"Standing in for others", impersonationScenes},
	{"Rights that end while somebody is connected", revocationScenes},
	{"Resources and broken messages", resourceScenes},
	{"Bad input", inputScenes},
}

func play(t *testing.T, h *leakHouse, scenes []scene) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			if got := s.run(t, h); got != s.want {
				t.Errorf("got  %s\nwant %s", got, s.want)
			}
		})
	}
}

func TestLeakAcrossIdentities(t *testing.T) {
	governed, _ := leakHouses(t, "parquet", houseOptions{})
	play(t, governed, switchScenes)
	play(t, governed, impersonationScenes)
	play(t, governed, revocationScenes)
}

const (
	countSQL = "select count(*) from customers"
	asAna    = "set immuta.impersonate.user = 'ana'"
	asSelf   = "reset immuta.impersonate.user"
)

// steps runs simple queries and joins what they gave.
func steps(w *wireClient, sql ...string) string {
	var out []string
	for _, s := range sql {
		text := w.query(s).text()
		if text == "" {
			text = "ok"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func execute(name string) []pgproto3.FrontendMessage {
	return []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: name}, &pgproto3.Execute{}, &pgproto3.Sync{}}
}

func pipelined(sql string) []pgproto3.FrontendMessage {
	return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: sql}, &pgproto3.Bind{}, &pgproto3.Execute{}}
}

var switchScenes = []scene{
	{"a statement prepared in ana's stead, executed after the impersonation ended", "1000, 0", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "bi", "")
		w.query(asAna)
		w.exchange(&pgproto3.Parse{Name: "s", Query: countSQL}, &pgproto3.Sync{})
		before := w.exchange(execute("s")...).text()
		w.query(asSelf)
		return before + ", " + w.exchange(execute("s")...).text()
	}},
	{"a statement prepared as oneself, executed in ana's stead", "0, 1000", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "bi", "")
		w.exchange(&pgproto3.Parse{Name: "s", Query: countSQL}, &pgproto3.Sync{})
		before := w.exchange(execute("s")...).text()
		w.query(asAna)
		return before + ", " + w.exchange(execute("s")...).text()
	}},
	{"a bound portal, executed after the impersonation ended in the same pipeline", "!34000", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "bi", "-c immuta.impersonate.user=ana")
		msgs := []pgproto3.FrontendMessage{&pgproto3.Parse{Name: "s", Query: countSQL}, &pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s"}}
		msgs = append(append(msgs, pipelined("set immuta.impersonate.user = ''")...), &pgproto3.Execute{Portal: "p"}, &pgproto3.Sync{})
		return w.exchange(msgs...).text()
	}},
	{"a half-read portal, continued after the impersonation ended in the same pipeline", "1 !34000", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "bi", "-c immuta.impersonate.user=ana")
		msgs := []pgproto3.FrontendMessage{&pgproto3.Parse{Name: "s", Query: "select id from customers order by id"},
			&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s"}, &pgproto3.Execute{Portal: "p", MaxRows: 1}}
		msgs = append(append(msgs, pipelined("set immuta.impersonate.user = ''")...), &pgproto3.Execute{Portal: "p", MaxRows: 1}, &pgproto3.Sync{})
		return w.exchange(msgs...).text()
	}},
	{"a held cursor, fetched after the impersonation ended", "ok, 1, ok, !34000", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "bi", "-c immuta.impersonate.user=ana")
		return steps(w, "declare c cursor with hold for select id from customers order by id", "fetch 1 c", "set immuta.impersonate.user = ''", "fetch 1 c")
	}},
	{"a held cursor of one's own, fetched in ana's stead", "ok, ok, !34000", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", ""), "declare c cursor with hold for select id from customers", asAna, "fetch 1 c")
	}},
	{"another identity within a transaction", "ok, !25001, !25P02, ok, 0", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", ""), "begin", asAna, countSQL, "rollback", countSQL)
	}},
	{"another identity within a transaction by RESET ALL", "ok, !25001, ok, 1000", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", ""), asAna+"; begin", "reset all", "rollback", countSQL)
	}},
	{"a pool's DISCARD ALL goes back to the start, cursors and statements gone", "ok, ok, ok, !34000, 0", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", ""), asAna, "declare c cursor with hold for select id from customers", "discard all", "fetch 1 c", countSQL)
	}},
	{"DISCARD ALL with an impersonation in the start-up options", "1000, ok, 1000", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", "-c immuta.impersonate.user=ana"), countSQL, "discard all", countSQL)
	}},
	{"the same text by three people at once, 50 times each", "each their own", func(t *testing.T, h *leakHouse) string {
		type answer struct{ want, got string }
		answers := make(chan answer, 150)
		for user, want := range map[string]string{"ana": "1000", "bob": "0", "admin": "0"} {
			go func() {
				w := h.as(t, user, "")
				for range 50 {
					answers <- answer{want, w.prepared(countSQL, 0).text()}
				}
			}()
		}
		for range 150 {
			if a := <-answers; a.got != a.want {
				return fmt.Sprint(a)
			}
		}
		return "each their own"
	}},
	{"copies of one session, looked for by the next statement and the next session", "1000, !42P01, !42P01", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		return steps(w, "select count(code::int) from customers", "select * from temp.main.stead_copy_0") + ", " + steps(h.as(t, "bob", ""), "select * from stead_copy_0")
	}},
}

var impersonationScenes = []scene{
	{"a user without the permission stands in for another", "!42501, !42501, ok, 1000", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "ana", ""), "set immuta.impersonate.user = 'bob'", countSQL, asSelf, countSQL)
	}},
	{"after a refused request everything is refused: data, catalogue, COPY, cursors, prepared statements", "!42501, !42501, !42501, !42501, !42501, !42501", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "bi", "")
		w.exchange(&pgproto3.Parse{Name: "s", Query: "select count(*) from orders"}, &pgproto3.Sync{})
		return steps(w, "set immuta.impersonate.user = 'bob'", "select 1", "select relname from pg_class", "copy orders to stdout",
			"declare c cursor with hold for select 1") + ", " + w.exchange(execute("s")...).text()
	}},
	{"a refused request in the start-up options", "42501", func(t *testing.T, h *leakHouse) string {
		_, err := h.connect(t, "bi", "-c immuta.impersonate.user=bob")
		return sqlState(err)
	}},
	{"a user outside the list, the administrator, an unknown user, oneself: one text for all", "same", func(t *testing.T, h *leakHouse) string {
		texts := map[string]bool{}
		for _, name := range []string{"bob", "admin", "nobody", "bi"} {
			r := h.as(t, "bi", "").query("set immuta.impersonate.user = '" + name + "'")
			texts[strings.ReplaceAll(string(r.raw[5:]), `"`+name+`"`, "x")] = true
		}
		if len(texts) == 1 {
			return "same"
		}
		return fmt.Sprint(texts)
	}},
	{"a chain: in ana's stead, further to bob", "ok, !42501, !42501", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", ""), asAna, "set immuta.impersonate.user = 'bob'", countSQL)
	}},
	{"names made to be read in two ways", "none", func(t *testing.T, h *leakHouse) string {
		for _, name := range []string{"bob' or '1'='1", "ana;bob", "ana,bob", "ana\nbob", "ana bob", "*", "%", "bim:bob", "BOB", "ｂｏｂ", "bob ", "ad\u00admin",
			"аna", "ana\u200b", "other:ana", ":ana", "ana:", "bim:bim:ana", strings.Repeat("a", 1025), "\x01", "\\", "$user", "0", "NULL", "default"} {
			w := h.as(t, "bi", "")
			if r := w.query("set immuta.impersonate.user = '" + strings.ReplaceAll(name, "'", "''") + "'"); r.state() == "rows" {
				return fmt.Sprintf("%q was let through", name)
			} else if again := w.query(countSQL); again.text() != "!42501" && r.state() != "22023" {
				return fmt.Sprintf("%q: %s, then %s", name, r.state(), again.text())
			}
		}
		return "none"
	}},
	{"spellings of a name that are the same name", "1000 1000 1000", func(t *testing.T, h *leakHouse) string {
		var out []string
		for _, name := range []string{"ANA", "bim:ana", "'ana'"} {
			out = append(out, h.as(t, "bi", "").query("set immuta.impersonate.user="+name+";"+countSQL).text())
		}
		return strings.Join(out, " ")
	}},
	{"the request as an SQL function, a local setting, a role", "!0A000, !25001, !0A000, !0A000, 0", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "bi", ""), "select set_config('immuta.impersonate.user', 'ana', false)", "set local immuta.impersonate.user = 'ana'",
			"set role ana", "set session authorization ana", countSQL)
	}},
	{"a project that one is no member of, and then everything", "!42501, !42501, ok, 1000", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "ana", ""), "set immuta.project = 'x'", countSQL, "reset immuta.project", countSQL)
	}},
	{"where it is pinned, an accepted impersonation is left or changed", "ok, !42501, !42501, !42501, 1000", func(t *testing.T, h *leakHouse) string {
		h.setting(stead.GatewaySingleImpersonation, "true")
		defer h.setting(stead.GatewaySingleImpersonation, "")
		return steps(h.as(t, "bi", ""), asAna, asSelf, "set immuta.impersonate.user = 'bi'", "discard all", countSQL)
	}},
	{"where it is pinned, a refused one is left", "!42501, !42501, ok, 0", func(t *testing.T, h *leakHouse) string {
		h.setting(stead.GatewaySingleImpersonation, "true")
		defer h.setting(stead.GatewaySingleImpersonation, "")
		return steps(h.as(t, "bi", ""), "set immuta.impersonate.user = 'bob'", countSQL, asSelf, countSQL)
	}},
}

func (h *leakHouse) setting(name, value string) {
	h.change(govern.PutSetting{Setting: stead.Setting{Name: name, Value: value}})
}
