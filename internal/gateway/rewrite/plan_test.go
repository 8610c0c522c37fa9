package rewrite_test

import (
	"slices"
	"strings"
	"testing"

	"stead"
	"stead/internal/gateway/rewrite"
)

// Each statement runs in the tier it should and gives what a database holding only
// the asker's rows and values would give.
func TestPlan(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		sql  string
		tier rewrite.Tier
		want string // first row, "" to check only that it runs
	}{
		{"select 1", rewrite.TableFree, "1"},
		{"select count(*) from customers", rewrite.Plain, "50"},
		{"select count(*) from orders where amount + 1 > 0", rewrite.Plain, "300"},
		{"select id, name from customers where id = 3", rewrite.Plain, "3|Name 3"},
		{"select id from customers where region = 'US'", rewrite.Plain, ""},
		{"select max(region), min(region) from customers", rewrite.Plain, "EU|EU"},
		{"select phone from customers limit 1", rewrite.Plain, "~"},
		{"select email = md5('user1@example.com') from customers where id = 1", rewrite.Plain, "true"},
		{"select c.name from customers c where c.name like 'Name 1%' and c.active order by c.id limit 1", rewrite.Plain, "Name 15"},
		{"select public.customers.name from public.customers where public.customers.id = 5", rewrite.Plain, "Name 5"},
		{"select stead.public.customers.name from stead.public.customers where id = 5", rewrite.Plain, "Name 5"},
		{"select region, count(*), sum(balance), avg(score) from customers group by 1 having count(*) > 1 order by 2 desc", rewrite.Plain, "EU|50|2500.00|25.0"},
		{"select count(*) from customers where day >= '2020-02-01' and made < timestamp '2030-01-01 00:00:00'", rewrite.Plain, "35"},
		{"select count(*) from customers where day >= 'nonsense'", rewrite.Copied, "!"},
		{"select substr(name, 1, 4) from customers where id = 1", rewrite.Copied, "Name"},
		{"select count(*) from customers where cast(substr(name, 6) as int) > 50", rewrite.Copied, "25"},
		{"select balance + 1 from customers where id = 1", rewrite.Copied, "2.00"},
		{"select c.name, o.amount from customers c join orders o on o.customer = c.id where c.id = 3 order by o.amount limit 1", rewrite.Plain, "Name 3|2.00"},
		{"select count(*) from customers, orders where orders.customer = customers.id", rewrite.Plain, "150"},
		{"select count(*) from orders o join customers c on o.customer = c.id where left(c.name, 4) = 'Name'", rewrite.Copied, "150"},
		{"select count(*) from (customers c cross join orders o) join orders p on p.id = o.id and c.id = p.customer", rewrite.Plain, "150"},
		{"with x as (select id from customers) select count(*) from x where id > 50", rewrite.Plain, "25"},
		{"with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select count(*) from r, customers", rewrite.Copied, "250"},
		{"select id from customers union all select id from orders order by 1 limit 1", rewrite.Plain, "1"},
		{"select id from customers union all select name from customers order by 1 limit 1", rewrite.Copied, "1"},
		{"select count(*) from customers where id in (select customer from orders)", rewrite.Plain, "50"},
		{"select count(*) from customers c where exists (select 1 from orders o where o.customer = c.id)", rewrite.Plain, "50"},
		{"select (select max(amount) from orders o where o.customer = c.id) from customers c where id = 1", rewrite.Copied, "300.00"},
		{"select row_number() over (partition by region order by id desc), id from customers order by 1 limit 1", rewrite.Plain, "1|99"},
		{"select name from customers qualify row_number() over (order by id) = 2", rewrite.Plain, "Name 3"},
		{"select c from customers c order by id limit 1", rewrite.Plain, ""},
		{"select columns(*) from customers limit 1", rewrite.Copied, ""},
		{"select * exclude (tags, email), 1 from customers order by id limit 1", rewrite.Plain, "1|Name 1|~|EU|1.00|0.5|2020-01-02|2020-01-01 01:00:00|false|1"},
		{"select * replace (upper(name) as name) from customers limit 1", rewrite.Copied, ""},
		{"select unnest(tags) from customers order by id limit 1", rewrite.Copied, "a"},
		{"select count(*) from customers tablesample 100%", rewrite.Copied, "50"},
		{"select list_transform(tags, x -> x || '!')[1] from customers limit 1", rewrite.Copied, "a!"},
		{"select count(*) filter (where active) from customers", rewrite.Plain, "17"},
		{"select region, active, grouping(region), count(*) from customers group by grouping sets ((region), (active), ()) order by 3, 1", rewrite.Plain, ""},
		{"select distinct on (region) region, id from customers order by region, id", rewrite.Plain, "EU|1"},
		{"select * from (values (1, 'a')) v(a, b) join orders using (id)", rewrite.Plain, "!"},
		{"select count(*) from customers a join customers b using (id)", rewrite.Plain, "50"},
		{"select name from customers where name ~ 'e 1$'", rewrite.Copied, "Name 1"},
		{"select name from customers where name operator(pg_catalog.~*) 'E 1$'", rewrite.Copied, "Name 1"},
		{"select x(id) from customers", rewrite.NoTier, ""},
	} {
		rows, p, err := w.run(c.sql)
		switch {
		case c.tier == rewrite.NoTier:
			if err == nil {
				t.Errorf("%s: not refused", c.sql)
			}
		case p == nil || p.Tier != c.tier:
			t.Errorf("%s: tier %v, want %v (%v)", c.sql, p, c.tier, err)
		case c.want == "!":
			if err == nil {
				t.Errorf("%s: did not fail", c.sql)
			}
		case err != nil:
			t.Errorf("%s: %v\n%s", c.sql, err, p.SQL)
		case c.want != "" && (len(rows) == 0 || rows[0] != c.want):
			t.Errorf("%s: %q, want %q first\n%s\n%v", c.sql, rows, c.want, p.SQL, p.Copies)
		}
	}
}

// An executor's view of parameters: types by what they stand beside, numbers without gaps.
func TestParameters(t *testing.T) {
	w := newWorld(t)
	rows, p, err := w.run("select name, $3 from customers where id = $1 and substr(name, 1, 4) = $3", int64(7), nil, "Name")
	if err != nil || len(rows) != 1 || rows[0] != "Name 7|Name" {
		t.Fatalf("%v %v\n%+v", rows, err, p)
	}
	if p.Tier != rewrite.Copied || len(p.Copies) != 1 || !strings.Contains(p.Copies[0].Fill, `("stead_row"."id" = CAST($1 AS BIGINT))`) &&
		!strings.Contains(p.Copies[0].Fill, `(stead_row.id = CAST($1 AS BIGINT))`) && !strings.Contains(p.Copies[0].Fill, `(stead_row."id" = CAST($1 AS BIGINT))`) {
		t.Errorf("not narrowed: %+v", p.Copies)
	}
	if !slices.Equal(p.Bind, []int{0, 2}) || p.Parameters[0].Type != "BIGINT" || p.Parameters[1].Used || p.Parameters[2].Type != "VARCHAR" {
		t.Errorf("%+v", p)
	}
}

// A policy change gives another plan; an unchanged one the same.
func TestCache(t *testing.T) {
	w := newWorld(t)
	const sql = "select count(*) from customers"
	first, err := w.plan(sql)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := w.plan(sql); again != first {
		t.Error("the same statement was planned twice")
	}
	w.tables["customers"].rows = rule("{region} = 'US'")
	changed, err := w.plan(sql)
	if err != nil || changed == first || !strings.Contains(changed.SQL, "'US'") {
		t.Errorf("%+v %v", changed, err)
	}
	w.tables["customers"].hidden = true
	if _, err := w.plan(sql); stead.CodeOf(err) != stead.NotFound {
		t.Errorf("after revocation: %v", err)
	}
}

// Lists of parameters and of literals as drivers send them.
func TestArrayParameter(t *testing.T) {
	w := newWorld(t)
	p, err := w.plan("select count(*) from customers where id = any($1)", 1016)
	if err != nil {
		t.Fatal(err)
	}
	if p.Parameters[0].Type != "BIGINT[]" || !strings.Contains(p.SQL, "CAST($1 AS BIGINT[])") {
		t.Errorf("%+v", p)
	}
	for sql, want := range map[string]string{
		"select count(*) from customers where id = any($1)":                 "BIGINT[]",
		"select count(*) from customers where name <> all($1)":              "VARCHAR[]",
		"select count(*) from customers where id = any($1::int[])":          "BIGINT[]",
		"select count(*) from customers where name = any($1::varchar(3)[])": "VARCHAR[]",
	} {
		if p, err := w.plan(sql); err != nil || p.Parameters[0].Type != want {
			t.Errorf("%s: %+v %v", sql, p, err)
		}
	}
	p, err = w.plan("select count(*) from customers where id = any(array[1, 2, 3])")
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := w.execute(p, nil); err != nil || rows[0] != "2" {
		t.Errorf("%v %v\n%s", rows, err, p.SQL)
	}
	for _, sql := range []string{"select $1 from customers", "select name from customers limit $1 offset $2", "select count(*) from customers where day >= $1"} {
		if p, err := w.plan(sql); err != nil || p.Tier != rewrite.Plain {
			t.Errorf("%s: %+v %v", sql, p, err)
		}
	}
}
