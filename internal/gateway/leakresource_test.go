package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead/internal/gateway"
)

// TestLeakResources: what costs without bound ends with an error, and the connection and the server go on.
func TestLeakResources(t *testing.T) {
	h, _ := leakHouses(t, "parquet", houseOptions{limits: gateway.Limits{Statement: 2 * time.Second, Message: time.Second, Idle: time.Minute}})
	play(t, h, resourceScenes)
}

// costs asks ana's statement and whether the connection and a new one go on.
func costs(sql string) func(t *testing.T, h *leakHouse) string {
	return func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		r := w.query(sql)
		out := r.state()
		if out == "57014" || out == "53200" { // which comes first is a matter of the machine
			out = "57014 or 53200"
		}
		if !w.dead {
			out += ", " + w.query("select 1").text()
		}
		return out + ", " + h.as(t, "ana", "").query("select 2").text()
	}
}

func cross(n int) string {
	from := make([]string, n)
	for i := range from {
		from[i] = fmt.Sprintf("customers c%d", i)
	}
	return "select count(*) from " + strings.Join(from, ", ") + " where c0.id + c1.id + c2.id + c3.id = -1"
}

var resourceScenes = []scene{
	{"a join of 1,000 rows with themselves, eight times", "57014 or 53200, 1, 2", costs(cross(8))},
	{"the same within a copied leaf", "57014 or 53200, 1, 2", costs(cross(8) + " and c0.code::int = 1")},
	{"a recursive query without end", "57014 or 53200, 1, 2", costs("with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r")},
	{"a recursive query that doubles a text", "42501, 1, 2", costs("with recursive r as (select repeat('x', 1000) as t union all select t || t from r) select count(*) from r, query('select 1')")},
	{"a text doubled 60 times", "57014 or 53200, 1, 2", costs("with recursive r as (select 'xxxxxxxx' as t, 1 as n union all select t || t, n + 1 from r where n < 60) select max(length(t)) from r")},
	{"a billion numbers in a list", "42501, 1, 2", costs("select list_sum(range(100000000000))")},
	{"a billion rows, sorted", "57014 or 53200, 1, 2", costs("select a.id || b.id || c.id as k, a.name, b.name, c.name from customers a, customers b, customers c order by random(), k limit 1 offset 999999990")},
	{"all of it in one list", "57014 or 53200, 1, 2", costs("select length(list(a.id + b.id + c.id)) from customers a, customers b, customers c")},
	{"20,000 parentheses", "54000, 1, 2", costs("select " + strings.Repeat("(", 20_000) + "1" + strings.Repeat(")", 20_000))},
	{"5,000 times NOT", "54000, 1, 2", costs("select " + strings.Repeat("not ", 5_000) + "true")},
	{"a sum of 10,000", "54000, 1, 2", costs("select 1" + strings.Repeat("+1", 10_000))},
	{"1,000 sub-queries inside each other", "54000, 1, 2", costs(strings.Repeat("select * from (", 1_000) + "select 1 a" + strings.Repeat(") t", 1_000))},
	{"5,000 times UNION", "54000, 1, 2", costs("select 1" + strings.Repeat(" union all select 1", 5_000))},
	{"200,000 values in IN", "54000, 1, 2", costs("select count(*) from customers where id in (1" + strings.Repeat(",1", 200_000) + ")")},
	{"5,000 times CASE", "54000, 1, 2", costs("select " + strings.Repeat("case when true then ", 5_000) + "1" + strings.Repeat(" end", 5_000))},
	{"2,000 joins", "54000, 1, 2", costs("select count(*) from customers c0" + strings.Repeat(" natural join customers", 2_000))},
	{"500 common table expressions, each twice the one before", "42703, 1, 2", costs(doubling(500))},
	{"a pattern made for backtracking", "rows, 1, 2", costs("select count(*) from customers where regexp_matches(repeat('a', 100), '(a*)*b')")},
	{"a comment of 8 MB", "rows, 1, 2", costs("select 1 /*" + strings.Repeat("x", 8<<20) + "*/")},
	{"a text of 8 MB", "54000, 1, 2", costs("select length('" + strings.Repeat("x", 8<<20) + "')")},
	{"a statement of 64 MB", "54000, 2", costs("select '" + strings.Repeat("x", 64<<20) + "'")},
	{"2,000 statements at once", "54000, 1, 2", costs(strings.Repeat("select 1;", 2_000))},
	{"10,000 portals", "54000, 1, 2", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		msgs := []pgproto3.FrontendMessage{&pgproto3.Parse{Name: "s", Query: "select 1"}}
		for i := range 10_000 {
			msgs = append(msgs, &pgproto3.Bind{DestinationPortal: fmt.Sprint("p", i), PreparedStatement: "s"})
		}
		return w.exchange(append(msgs, &pgproto3.Sync{})...).state() + ", " + w.query("select 1").text() + ", " + h.as(t, "ana", "").query("select 2").text()
	}},
	{"10,000 prepared statements", "54000, 1", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		var msgs []pgproto3.FrontendMessage
		for i := range 10_000 {
			msgs = append(msgs, &pgproto3.Parse{Name: fmt.Sprint("s", i), Query: "select 1"})
		}
		return w.exchange(append(msgs, &pgproto3.Sync{})...).state() + ", " + w.query("select 1").text()
	}},
	{"more open cursors than allowed", "54000, 25P02", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		w.query("begin")
		state := ""
		for i := range 20 {
			if state = w.query(fmt.Sprintf("declare c%d cursor for select id from customers", i)).state(); state != "rows" {
				break
			}
		}
		return state + ", " + w.query("select 1").state()
	}},
	{"half a message and then silence", "08P01 gone, 2", silence([]byte("Q\x00\x00\x00\xffselect"))},
	{"a message longer than it says", "08P01 gone, 2", silence([]byte("Q\x00\x00\x00\x07selects"))},
	{"a message of negative length", "08P01 gone, 2", silence([]byte("Q\xff\xff\xff\xff"))},
	{"a message of 2 GB announced", "54000 gone, 2", silence([]byte("Q\x7f\xff\xff\xff"))},
	{"an unknown message", "08P01 gone, 2", silence([]byte("\x01\x00\x00\x00\x04"))},
	{"a Bind with 60,000 parameters announced", "08P01 gone, 2", silence([]byte("B\x00\x00\x00\x0c\x00\x00\x00\x00\xea\x60\x00\x00"))},
	{"a password message in the midst of a session", "08P01, 2", silence([]byte("p\x00\x00\x00\x08abc\x00S\x00\x00\x00\x04"))},
}

// doubling is a chain of common table expressions.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("with t0 as (select 1 as a)")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, ", t%d as (select x.a from t%d x, t%d y)", i, i-1, i-1)
	}
	fmt.Fprintf(&b, " select count(*) from t%d", n-1)
	return b.String()
}

// silence sends bytes on a session and waits for the server to hang up.
func silence(b []byte) func(t *testing.T, h *leakHouse) string {
	return func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		_, err := w.nc.Write(b)
		must(t, err)
		r := w.exchange() // nothing more
		out := r.state()
		if r.gone != nil {
			out += " gone"
		}
		return out + ", " + h.as(t, "ana", "").query("select 2").text()
	}
}
