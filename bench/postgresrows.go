package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/decide"
	"stead/internal/pgserver"
	"stead/policy/expr"
)

// linesOnPostgres is the table there: one row in ten is of region EU, one in a thousand of each department, which has an index.
const linesOnPostgres = `CREATE TABLE big.lines AS SELECT i AS id, (i * 7919 %% 100)::int AS tenant,
	CASE i %% 10 WHEN 0 THEN 'EU' WHEN 1 THEN 'UK' ELSE 'R' || (i %% 10) END AS region, 'd' || (i * 31 %% 1009) %% 1000 AS dept,
	((i * 104729 %% 1000003) / 100.0)::numeric(12,2) AS amount, 'user' || (i * 31 %% 500009) || '@example.com' AS email,
	lpad((i * 7907 %% 1000000000)::text, 9, '0') AS ssn, date '2020-01-01' + (i %% 2000)::int AS day
	FROM generate_series(0, %d::bigint - 1) i`

var linesColumns = []stead.Column{{Name: "id", Type: expr.IntType}, {Name: "tenant", Type: expr.Type{Kind: expr.Int, Bits: 32}}, {Name: "region", Type: expr.TextType},
	{Name: "dept", Type: expr.TextType}, {Name: "amount", Type: expr.DecimalType(12, 2)}, {Name: "email", Type: expr.TextType}, {Name: "ssn", Type: expr.TextType},
	{Name: "day", Type: expr.DateType}}

// masked are masks with what a person would write in their place.
var masked = []struct{ name, column, config, hand string }{
	{"hash", "ssn", `{"type":"Hash"}`, "encode(sha256(convert_to('" + handKey + "' || ssn, 'UTF8')), 'hex')"},
	{"regex", "email", `{"type":"Regex","regex":"^[^@]+","replacement":"*"}`, "regexp_replace(email, '^[^@]+', '*')"},
	{"keep last 4", "ssn", `{"type":"Partial","keepLast":4}`, "CASE WHEN length(ssn) > 4 THEN repeat('*', length(ssn) - 4) || right(ssn, 4) ELSE repeat('*', length(ssn)) END"},
	{"rounding of a number", "amount", `{"type":"Rounding","bucketSize":"100"}`, "(floor(amount / 100) * 100)::numeric(12,2)"},
	{"rounding of a date", "day", `{"type":"Rounding","timePrecision":"month"}`, "date_trunc('month', day)::date"},
	{"constant", "email", `{"type":"Constant","constant":"x"}`, "'x'::text"},
	{"null", "email", `{"type":"Null"}`, "NULL::text"},
}

const (
	openDoc = `{"policyKey":"open","name":"Open","type":"subscription","circumstances":[{"type":"all"}],"actions":{"type":"anyone","automaticSubscription":true}}`
	byDoc   = `{"policyKey":"rows","name":"Rows","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Row Restriction by User Entitlements",
		"config":{"matches":[{"type":"attribute","attribute":%q,"column":%q}]}}]}]}`
	maskDoc = `{"policyKey":"mask%d","name":"Mask %d","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Masking",
		"config":{"fields":[{"type":"columnName","columnName":%q}],"maskingConfig":%s}}]}]}`
)

// lines is one table of a size.
type lines struct {
	*pgSite
	o    options
	rows int64
	rep  *report
}

// rowsOnPostgres compares statements under policies with statements by hand, which a superuser asks of the same table.
func rowsOnPostgres(ctx context.Context, rep *report, o options, rows int64) (err error) {
	s, err := openSite(ctx, "shared_buffers = '3GB'", "work_mem = '64MB'", "maintenance_work_mem = '1GB'", "max_parallel_workers_per_gather = 0",
		"wal_level = minimal", "max_wal_senders = 0", "max_wal_size = '8GB'", "autovacuum = off")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.exec(ctx, "CREATE SCHEMA big; GRANT USAGE ON SCHEMA big TO PUBLIC; BEGIN;"+fmt.Sprintf(linesOnPostgres, rows)+
		"; ALTER TABLE big.lines ADD PRIMARY KEY (id); CREATE INDEX ON big.lines (dept); COMMIT", "VACUUM ANALYZE big.lines"); err != nil {
		return err
	}
	l := &lines{pgSite: s, o: o, rows: rows, rep: rep}
	if err := l.noRule(ctx); err != nil {
		return err
	}
	if err := l.byRegion(ctx); err != nil {
		return err
	}
	return l.byDepartment(ctx)
}

func (l *lines) part(what string) string {
	size := fmt.Sprintf("%d,000", l.rows/1000)
	if l.rows >= 1_000_000 {
		size = fmt.Sprintf("%d,000,000", l.rows/1_000_000)
	}
	return "PostgreSQL, " + size + " rows, " + what
}

// under brings the table under policies.
func (l *lines) under(ctx context.Context, docs ...string) error {
	policies, err := decoded(append([]string{openDoc}, docs...)...)
	if err != nil {
		return err
	}
	_, _, err = l.bring(ctx, decide.New().With(decide.Delta{Revision: l.next(), Connections: []*stead.Connection{{ID: 1, Key: "pg", Platform: stead.PostgreSQL}},
		Sources: []*stead.DataSource{{ID: 1, Connection: "pg", Path: []string{"big", "lines"}, State: stead.Active, Columns: linesColumns}}, Identities: people(10_000), Policies: policies}))
	return err
}

const (
	wholeTable = "SELECT tenant, count(*), sum(amount) FROM %s WHERE %s GROUP BY tenant ORDER BY tenant"
	pointOnPG  = "SELECT id, tenant, amount, %s FROM %s WHERE %s AND id = $1"
)

func (l *lines) noRule(ctx context.Context) error {
	if err := l.under(ctx); err != nil {
		return err
	}
	if err := l.compare(ctx, "no rule", "aggregate of the whole table", 1, fmt.Sprintf(wholeTable, "big.lines", "TRUE"), fmt.Sprintf(wholeTable, "lines", "TRUE")); err != nil {
		return err
	}
	if err := l.point(ctx, "no rule", "TRUE", "email", "email"); err != nil || l.rows > 1_000_000 {
		return err
	}
	return l.masks(ctx, "no rule", "TRUE")
}

func (l *lines) byRegion(ctx context.Context) error {
	rule := fmt.Sprintf(byDoc, "region", "region")
	if err := l.under(ctx, rule); err != nil {
		return err
	}
	const hand = "region = 'EU'"
	if err := l.compare(ctx, "a tenth of the rows, no index", "aggregate", 1, fmt.Sprintf(wholeTable, "big.lines", hand), fmt.Sprintf(wholeTable, "lines", "TRUE")); err != nil {
		return err
	}
	if err := l.point(ctx, "a tenth of the rows, no index", hand, "email", "email"); err != nil {
		return err
	}
	return l.masks(ctx, "a tenth of the rows, no index", hand, rule)
}

func (l *lines) byDepartment(ctx context.Context) error {
	if err := l.under(ctx, fmt.Sprintf(byDoc, "dept", "dept")); err != nil {
		return err
	}
	return l.compare(ctx, "a thousandth of the rows, by an index", "aggregate", 5, fmt.Sprintf(wholeTable, "big.lines", "dept = 'd17'"), fmt.Sprintf(wholeTable, "lines", "TRUE"))
}

// masks compares each mask alone, and a point look-up that shows two.
func (l *lines) masks(ctx context.Context, rule, where string, docs ...string) error {
	for i, m := range masked {
		if err := l.under(ctx, append([]string{fmt.Sprintf(maskDoc, i, i, m.column, m.config)}, docs...)...); err != nil {
			return err
		}
		text := func(column, table, where string) string {
			return fmt.Sprintf("SELECT count(*), max(%s) FROM %s WHERE %s", column, table, where)
		}
		if err := l.compare(ctx, rule, "mask: "+m.name, 1, text(m.hand, "big.lines", where), text(m.column, "lines", "TRUE")); err != nil {
			return err
		}
	}
	if err := l.under(ctx, append([]string{fmt.Sprintf(maskDoc, 0, 0, masked[0].column, masked[0].config), fmt.Sprintf(maskDoc, 1, 1, masked[1].column, masked[1].config)}, docs...)...); err != nil {
		return err
	}
	return l.point(ctx, rule+", 2 masks", where, masked[0].hand+", "+masked[1].hand, "ssn, email")
}

func (l *lines) point(ctx context.Context, rule, where, hand, columns string) error {
	return l.compare(ctx, rule, "point look-up", 20, fmt.Sprintf(pointOnPG, hand, "big.lines", where), fmt.Sprintf(pointOnPG, columns, "lines", "TRUE"))
}

// compare asks by hand, as the analyst, and in the analyst's stead; all must get the same.
func (l *lines) compare(ctx context.Context, rule, what string, times int, hand, governed string) (err error) {
	var conns []*pgx.Conn
	defer func() {
		for _, c := range conns {
			err = errors.Join(err, c.Close(context.Background()))
		}
	}()
	want := map[string]string{}
	form1 := func(role, sql string) (*form, error) {
		c, err := l.dial(ctx, role)
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
		if role == standIn {
			if _, err := c.Exec(ctx, "CALL immuta_procedures.impersonate_user('"+analystThere+"')"); err != nil {
				return nil, err
			}
		}
		sql = strings.Replace(sql, "WHERE TRUE AND ", "WHERE ", 1)
		return &form{name: role, run: func() error {
			var args []any
			if strings.Contains(sql, "$1") {
				args = []any{rand.Int64N(l.rows/10) * 10}
			}
			got, err := answer(ctx, c, sql, args...)
			if err == nil && got == "" {
				err = errors.New("nothing came back")
			}
			if key := fmt.Sprint(args); err == nil && want[key] == "" {
				want[key] = got
			} else if err == nil && want[key] != got {
				err = fmt.Errorf("%s got %.200q, not %.200q", role, got, want[key])
			}
			return err
		}}, nil
	}
	var forms []*form
	for _, f := range []struct{ role, sql string }{{pgserver.Superuser, hand}, {analystThere, governed}, {standIn, governed}} {
		made, err := form1(f.role, f.sql)
		if err != nil {
			return err
		}
		forms = append(forms, made)
	}
	if err := interleave(forms, l.o.rounds, times); err != nil {
		return fmt.Errorf("%s: %s: %w", rule, what, err)
	}
	l.judge(l.part(rule), what, times, forms)
	return nil
}

// judge holds the analyst against SQL by hand, and who stands in for her against her.
func (l *lines) judge(part, what string, times int, forms []*form) {
	byHand, direct, inStead := forms[0].took, forms[1].took, forms[2].took
	l.rep.add(timed(part, what+": SQL by hand", byHand))
	f := beside(part, "  under the policy", direct, byHand)
	if times >= 20 {
		l.rep.add(f)
		l.rep.add(figure{Part: part, What: "  over SQL by hand", Value: ms(median(direct) - median(byHand)), Unit: "ms"})
	} else {
		l.rep.against(f, "<= 1.5x", f.Ratio <= 1.5)
	}
	l.rep.add(beside(part, "  in somebody's stead, beside oneself", inStead, direct))
}
