package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	null   = "NULL"
	hashed = "(16 hex digits)"
)

var hex16 = regexp.MustCompile(`^[0-9a-f]{16}$`)

// demo asks, prints and compares.
type demo struct {
	server *server
	staff  []employee
	out    io.Writer
	keys   map[string]string
	held   int
	broken []string
	// hashes of ssn by what they stand for: equal values must hash alike for everybody.
	hashes map[string]string
}

// show applies the sample bundle and goes through everything that is promised.
func (d *demo) show(ctx context.Context) error {
	plan, err := d.server.stead(ctx, "", "apply", "-f", "examples/demo/bundle.yaml")
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\n== stead apply -f examples/demo/bundle.yaml\n%s", plan)
	d.keys, d.hashes = map[string]string{}, map[string]string{}
	for _, who := range []string{ana, bo, bi, pia, olga, scout} {
		if d.keys[who], err = d.server.newKey(ctx, who); err != nil {
			return err
		}
	}
	for _, q := range questions() {
		fmt.Fprintf(d.out, "\n== %s\n", q.sql)
		for _, a := range askers() {
			if err := d.ask(ctx, &a, &q); err != nil {
				return err
			}
		}
	}
	if err := d.refusals(ctx); err != nil {
		return err
	}
	if err := d.reasons(ctx); err != nil {
		return err
	}
	return d.records(ctx)
}

// connect signs in with the asker's key; in another's stead by a start-up option, as psql and BI tools do.
func (d *demo) connect(ctx context.Context, a *asker) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig("postgres://" + d.server.gateway + "/lake?sslmode=disable&application_name=demo")
	if err != nil {
		return nil, err
	}
	cfg.User, cfg.Password = a.login, d.keys[a.login]
	if a.stead != "" {
		cfg.RuntimeParams["options"] = "-c immuta.impersonate.user=" + a.stead
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.title, err)
	}
	if a.project {
		if _, err := conn.Exec(ctx, "SET immuta.project = 'headcount'"); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
	}
	return conn, nil
}

// query returns the rows as text.
func (d *demo) query(ctx context.Context, a *asker, sql string) (rows [][]string, err error) {
	conn, err := d.connect(ctx, a)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		for _, row := range r.Rows {
			var line []string
			for _, v := range row {
				if v == nil {
					line = append(line, null)
					continue
				}
				line = append(line, string(v))
			}
			rows = append(rows, line)
		}
	}
	return rows, nil
}

func (d *demo) ask(ctx context.Context, a *asker, q *question) error {
	got, err := d.query(ctx, a, q.sql)
	want := q.rows(a, d.staff)
	state := stateOf(err)
	switch {
	case err != nil && state == "":
		return err
	case want == nil:
		d.check(state == missing, "%s: %s gives %v %v, not a refusal as a table that does not exist", a.title, q.sql, got, err)
		fmt.Fprintf(d.out, "  %-30s %s\n", a.title, refusal(err))
		return nil
	case err != nil:
		d.check(false, "%s: %s was refused: %v", a.title, q.sql, err)
		return nil
	}
	d.check(len(got) == len(want), "%s: %s gives %d rows, not %d", a.title, q.sql, len(got), len(want))
	for i, row := range got {
		fmt.Fprintf(d.out, "  %-30s %s\n", a.title, strings.Join(row, " | "))
		if i < len(want) {
			d.compare(a, q, row, want[i])
		}
	}
	return nil
}

func (d *demo) compare(a *asker, q *question, got, want []string) {
	got = slices.Clone(got)
	if q.hashed >= 0 && want[q.hashed] == hashed {
		digits := got[q.hashed]
		d.check(hex16.MatchString(digits), "%s: %q is not 16 hex digits", a.title, digits)
		before, known := d.hashes[got[0]]
		d.check(!known || before == digits, "the hash of employee %s differs between askers", got[0])
		d.hashes[got[0]] = digits
		got[q.hashed] = hashed
	}
	d.check(slices.Equal(got, want), "%s: %s gives %q, not %q", a.title, q.sql, got, want)
}

// refusals shows what must not work.
func (d *demo) refusals(ctx context.Context) error {
	fmt.Fprintln(d.out, "\n== what must be refused")
	for _, a := range []asker{
		{title: "agent scout in bo's stead", login: scout, stead: bo},
		{title: "ana in bo's stead", login: ana, stead: bo},
		{title: "bi in its own name", login: bi},
	} {
		rows, err := d.query(ctx, &a, "select count(*) from demo.hr_data")
		if err != nil && stateOf(err) == "" {
			return err
		}
		d.check(err != nil, "%s got %v", a.title, rows)
		fmt.Fprintf(d.out, "  %-30s %s\n", a.title, refusal(err))
	}
	return nil
}

// reasons prints why two askers see what they see.
func (d *demo) reasons(ctx context.Context) error {
	for _, who := range []string{ana, bo} {
		out, err := d.server.stead(ctx, "", "explain", "--as", who, "lake:demo.hr_data")
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "\n== stead explain --as %s lake:demo.hr_data\n%s", who, out)
		d.check(strings.Contains(string(out), "personal-data"), "the explanation for %s does not name the policy personal-data", who)
	}
	return nil
}

type auditRecord struct {
	Kind, Status, Statement string
	Actor, Subject          struct{ Name string }
}

// records prints the audit records with both names and verifies the chain.
func (d *demo) records(ctx context.Context) error {
	out, err := d.server.stead(ctx, "", "audit", "search", "--kind", "query-intent", "--limit", "200", "-o", "json")
	if err != nil {
		return err
	}
	var page struct{ Records []auditRecord }
	if err := json.Unmarshal(out, &page); err != nil {
		return fmt.Errorf("audit search: %w", err)
	}
	fmt.Fprintln(d.out, "\n== stead audit search --kind query-intent (the newest, one a line: who asked, in whose stead)")
	both := 0
	for i, r := range page.Records {
		if r.Actor.Name != r.Subject.Name && r.Actor.Name == bi && r.Subject.Name == bo && r.Status == "SUCCESS" {
			both++
		}
		if i < 12 {
			fmt.Fprintf(d.out, "  %-12s %-18s for %-18s %s\n", r.Status, r.Actor.Name, r.Subject.Name, cut(r.Statement, 60))
		}
	}
	d.check(both >= 4, "only %d records name bi as who asked and bo as in whose stead", both)
	verified, err := d.server.stead(ctx, "", "audit", "verify")
	d.check(err == nil, "the audit chain does not verify: %v", err)
	fmt.Fprintf(d.out, "\n== stead audit verify\n%s", verified)
	return nil
}

func (d *demo) check(ok bool, format string, args ...any) {
	if ok {
		d.held++
		return
	}
	d.broken = append(d.broken, fmt.Sprintf(format, args...))
}

// conclude prints what held, as the last line, or returns what did not.
func (d *demo) conclude() error {
	if len(d.broken) > 0 {
		return fmt.Errorf("%d of %d promises broken:\n  %s", len(d.broken), d.held+len(d.broken), strings.Join(d.broken, "\n  "))
	}
	fmt.Fprintf(d.out, "\n%d promises held: rows, masks, hidden tables, refused impersonations, reasons, both names in the records, an unbroken chain.\n", d.held)
	return nil
}

// invite says what to try by hand.
func (d *demo) invite() {
	host, port, _ := strings.Cut(d.server.gateway, ":")
	fmt.Fprintf(d.out, "\n== try it\n")
	for _, a := range askers()[:4] {
		options := ""
		if a.stead != "" {
			options = fmt.Sprintf("PGOPTIONS='-c immuta.impersonate.user=%s' ", a.stead)
		}
		fmt.Fprintf(d.out, "  # %s\n  %sPGPASSWORD=%s psql -h %s -p %s -U %s lake\n", a.title, options, d.keys[a.login], host, port, a.login)
	}
	fmt.Fprintf(d.out, "  # the HTTP API, as the administrator\n  curl -H 'Authorization: Bearer %s' %s/v1/status\n", d.server.key, d.server.http)
}

func stateOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

func refusal(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("refused (%s): %s", pg.Code, pg.Message)
	}
	return "not refused"
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "..."
}
