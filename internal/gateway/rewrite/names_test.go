package rewrite_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"stead"
	"stead/internal/gateway/rewrite"
)

// Statements that would be total if a name meant what it seems to mean, or if DuckDB
// converted nothing. Each must run over copies.
func TestNamesDoNotFool(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"select id from (select name as id from customers) x where id = 5",
		"select x.id from (select name as id from customers) x where x.id = 5",
		"select x.id from (select * replace (name as id) from customers) x where x.id = 5",
		"select id from (select * replace (name as id) from customers) where id = 5",
		`select Id from (select NAME as "ID" from customers) where iD = 5`,
		"with c(id) as (select name from customers) select * from c where id > 5",
		"with c as (select name as id from customers) select * from c where c.id > 5",
		"with customers as (select name as id from customers) select * from customers where customers.id > 5",
		"select * from (select name from customers) x(id) where id = 5",
		"select * from customers c(name, id) where c.name like 'x'",
		"select * from customers c(name, id) where c.id = 5",
		"select id from customers union all select name from customers",
		"select id from (select id from customers union all select name from customers) x where id = 5",
		"select id from (select name as id from customers intersect select name from customers) x where id = 5",
		"select l.id from customers, lateral (select customers.name as id) l where l.id = 5",
		"select name as balance, balance = 5 from customers",
		"select name as id from customers order by id + 1",
		"select name as id from customers group by id having id > 5",
		"select a.id from customers a join (select name as id from customers) b using (id)",
		"select 1 from customers natural join (select name as id from customers) b",
		"select x.id from (select {'id': name} as x from customers) where x.id = 5",
		"select id from (select x.id from (select {'id': name} as x from customers) y) z where id = 5",
		"select count(*) from customers where name",
		"select count(*) from customers where not name",
		"select count(*) from customers having max(name)",
		"select count(*) from customers where active and name",
		"select case when name then 1 end from customers",
		"select case when active then id else name end from customers",
		"select coalesce(id, name) from customers",
		"select name || id from customers",
		"select count(*) from customers where name = id",
		"select count(*) from customers where name = 5",
		"select count(*) from customers where name in (1, 2)",
		"select count(*) from customers where id in (1, 'x')",
		"select count(*) from customers where id in (select name from customers)",
		"select count(*) from customers where name between 1 and 2",
		"select count(*) from customers where id = 'x'",
		"select count(*) from customers where id = '99999999999999999999'",
		"select count(*) from customers where day = '2020-02-30'",
		"select count(*) from customers where day < made",
		"select case when region = 'US' then cast('x' as int) end from customers",
		"select case when region = 'US' then date '2020-99-99' end from customers",
		"select case when region = 'US' then 9223372036854775807 + 1 end from customers",
		"select case when region = 'US' then (select id from orders) end from customers",
		"select case when region = 'US' then $1::smallint end from customers",
		"select sum(name) from customers",
		"select lag(name, id) over (order by id) from customers",
		"select sum(id) over (rows between id preceding and current row) from customers",
		"select count(*) filter (where name) from customers",
		"select string_agg(name order by cast(name as int)) from customers",
		"select id from customers limit (select count(*) from customers)",
		"select id from customers limit '5'",
		"select count(*) from customers join orders on customers.name = orders.id",
		"select count(*) from customers positional join orders",
		"select count(*) from customers, (values ('x')) v(id) where v.id = 5",
		"select count(*) from customers, (values ('x')) where col0 = 5",
		"select count(*) from customers, unnest(['x']) u(id) where u.id = 5",
		"select count(*) from customers, unnest(['x']) id where id = 5",
		"with recursive r(id) as (select 1 union all select id + 1 from r where id < 3) select count(*) from r, customers",
		"select grouping(cast(name as int)) from customers group by cast(name as int)",
		"select distinct on (cast(name as int)) id from customers",
		"select try(cast(name as int)) from customers",
		"select name collate nocase from customers where name collate nocase = 'x'",
		"select columns('na.*') = 5 from customers",
		"select tags[1] from customers",
		"select list_transform([1], id -> cast(name as int)) from customers",
		"select abs(id), round(balance) from customers",
		"select id + 1 from customers",
		"select -id from customers",
		"select date_trunc('day', day) from customers",
	} {
		p, err := w.plan(sql)
		if err != nil {
			if stead.CodeOf(err) != stead.Unsupported {
				t.Errorf("%s: %v", sql, err)
			}
			continue
		}
		if p.Tier != rewrite.Copied {
			t.Errorf("%s: %v\n%s", sql, p.Tier, p.SQL)
		}
	}
}

// Conditions that go into a copy, and those that must not.
func TestNarrowing(t *testing.T) {
	w := newWorld(t)
	const failing = "left(c.name, 1) = 'N'" // makes the statement run over copies
	for _, c := range []struct{ sql, want string }{
		{"select 1 from customers c where id = 5 and " + failing, `("id" = 5)`},
		{"select 1 from customers c where c.id in (1, 2) and c.day between '2020-01-01' and '2020-02-01' and " + failing,
			`("id" IN (1, 2)) AND ("day" BETWEEN '2020-01-01' AND '2020-02-01')`},
		{"select 1 from customers c where c.score is not null and 5 < c.id and " + failing, `("score" IS NOT NULL) AND (5 < "id")`},
		{"select 1 from customers c where (id = 5 or id = 6) and " + failing, ""},
		{"select 1 from customers c where email = 'x' and phone is null and " + failing, ""},
		{"select 1 from customers c where id = 'x' and " + failing, ""},
		{"select 1 from customers c where left(name, 1) = 'x' and id + 1 = 5 and " + failing, ""},
		{"select 1 from customers c left join orders o on o.customer = c.id where c.id = 5 and " + failing, `("id" = 5)`},
		{"select 1 from orders o left join customers c on o.customer = c.id where c.id = 5 and " + failing, ""},
		{"select 1 from orders o right join customers c on o.customer = c.id where c.id = 5 and " + failing, `("id" = 5)`},
		{"select 1 from orders o full join customers c on o.customer = c.id where c.id = 5 and " + failing, ""},
		{"select 1 from orders o join customers c on o.customer = c.id where o.customer = 5 and " + failing, `("id" = 5)`},
		{"select 1 from orders o, customers c where o.customer = c.id and o.customer in (1, 2) and " + failing, `("id" IN (1, 2))`},
		{"select 1 from orders o join customers c on c.id = 7 where " + failing, `("id" = 7)`},
		{"select 1 from orders o left join customers c on c.id = 7 where " + failing, ""},
		{"select 1 from customers c positional join orders o where c.id = 7 and " + failing, ""},
		{"select 1 from customers c(a, id) where c.id = 'x' and left(c.id, 1) = 'N'", ""},
		{"select 1 from customers c where exists (select 1 from orders where c.id = 7) and " + failing, ""},
		{"select count(*) over (), row_number() over () from customers c where c.id = 7 and " + failing, `("id" = 7)`},
		{"select 1 from customers c tablesample 50% where c.id = 7 and " + failing, ""},
		{"select 1 from customers c qualify c.id = 7 and row_number() over () = 1 and " + failing, ""},
	} {
		p, err := w.plan(c.sql)
		if err != nil || len(p.Copies) != 1 {
			t.Errorf("%s: %v %+v", c.sql, err, p)
			continue
		}
		got := strings.NewReplacer(`stead_row.`, "", "CAST(1 AS INTEGER)", "1", "CAST(2 AS INTEGER)", "2", "CAST(5 AS INTEGER)", "5", "CAST(7 AS INTEGER)", "7").
			Replace(p.Copies[0].Fill)
		_, got, _ = strings.Cut(got, `("region" = 'EU')`)
		got, _, _ = strings.Cut(strings.TrimPrefix(got, " AND "), " LIMIT ")
		if got != strings.ReplaceAll(c.want, "$", "") && got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.sql, got, c.want)
		}
		if _, err := w.execute(p, nil); err != nil && !strings.Contains(c.sql, "'x'") {
			t.Errorf("%s: %v", c.sql, err)
		}
	}
}

// What costs too much is refused before DuckDB works on it.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.rewriter = w.newRewriter(t, rewrite.Limits{Bytes: 100_000, List: 1000, Nodes: 5000, CopyRows: 20})
	for name, sql := range map[string]string{
		"bytes":   "select '" + strings.Repeat("x", 100_000) + "'",
		"parens":  "select " + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300),
		"plus":    "select 1" + strings.Repeat(" + 1", 300),
		"casts":   "select 1" + strings.Repeat("::int", 300),
		"not":     "select " + strings.Repeat("not ", 300) + "true",
		"minus":   "select " + strings.Repeat("- ", 300) + "1",
		"case":    "select " + strings.Repeat("case when true then ", 300) + "1" + strings.Repeat(" end", 300),
		"union":   "select 1" + strings.Repeat(" union select 1", 300),
		"join":    "select 1 from orders" + strings.Repeat(" join orders using (id)", 300),
		"comma":   "select 1 from orders" + strings.Repeat(", orders", 300),
		"list":    "select 1 from orders where id in (1" + strings.Repeat(", 1", 1000) + ")",
		"nodes":   "select 1" + strings.Repeat(", 1", 6000),
		"index":   "select [1]" + strings.Repeat("[1]", 300),
		"fields":  "select a" + strings.Repeat(".a", 300) + " from orders",
		"selects": strings.Repeat("select (", 300) + "1" + strings.Repeat(")", 300),
		"copy":    "select left(name, 2) from customers",
	} {
		_, _, err := w.run(sql)
		if code := stead.CodeOf(err); err == nil || code != stead.Limit && name != "fields" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.run("select " + strings.Repeat("id = 1 or ", 400) + "true from orders"); err != nil {
		t.Errorf("a long OR: %v", err)
	}
}

// Names and sub-queries that refer to each other do not make planning explode.
func TestPlanningIsLinear(t *testing.T) {
	w := newWorld(t)
	chain := "select id as a0"
	for i := range 60 {
		chain += fmt.Sprintf(", a%d = a%d as a%d", i, i, i+1)
	}
	nested := "id in (select customer from orders)"
	for range 25 {
		nested = "id in (select customer from orders where " + nested + ")"
	}
	deep := "id"
	for range 30 {
		deep = "(" + deep + " in (select " + deep + " from orders limit 1))"
		if len(deep) > 50_000 {
			break
		}
	}
	for _, sql := range []string{chain + " from customers where left(name, 1) = 'x'", "select 1 from customers where " + nested, "select " + deep + " from customers"} {
		if _, err := w.plan(sql); err != nil && stead.CodeOf(err) != stead.Limit {
			t.Errorf("%.60s: %v", sql, err)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	for _, s := range []string{"select 1; select '$x$' -- c\n", "$a$b$a$ /* /* */ */", `E'\'' "a""b" $1 1e-3 <=-- `, "operator(pg_catalog.~)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := rewrite.Split(s)
		if err != nil {
			return
		}
		for _, p := range parts {
			again, err := rewrite.Split(p)
			if err != nil || len(again) != 1 || again[0] != p {
				t.Errorf("%q splits into %q (%v)", p, again, err)
			}
		}
	})
}

// Whatever is sent, planning answers with a plan or an error of ours, and a plan names
// no table but governed leaves.
func FuzzPlan(f *testing.F) {
	w := newWorld(f)
	for _, s := range []string{"select * from customers c where c.id = $1", "with a as (select 1) select * from a, orders",
		"select count(*) over (order by id) from customers union all (select 2)", "select x -> x from customers"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := w.rewriter.Plan(context.Background(), s, nil, w.resolve)
		if err != nil {
			if stead.CodeOf(err) == stead.Internal {
				t.Errorf("%q: %v", s, fmt.Sprint(causes(err)))
			}
			return
		}
		if !p.Catalogue && strings.Contains(p.SQL, "stead_leaf_") && !strings.Contains(s, "stead_leaf_") {
			t.Errorf("%q leaves a placeholder: %s", s, p.SQL)
		}
	})
}
