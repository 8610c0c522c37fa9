package govern

import (
	"context"
	"strings"
	"testing"

	"stead"
	"stead/policy/expr"
)

func TestPostgresAddress(t *testing.T) {
	for address, want := range map[string]Target{
		"postgres://svc@db.example.com/hr":                   {"db.example.com", "5432", "svc", "hr", ""},
		"postgresql://s%40c@db:6543/hr?sslmode=require":      {"db", "6543", "s@c", "hr", "require"},
		"postgres://svc@[::1]:5433/hr":                       {"::1", "5433", "svc", "hr", ""},
		"postgres://svc@/hr?host=/var/run/postgresql":        {"/var/run/postgresql", "5432", "svc", "hr", ""},
		"host=db user=svc dbname=hr sslmode=verify-full":     {"db", "5432", "svc", "hr", "verify-full"},
		" host = 'db'  user='it''s' ":                        {},
		`host=db user='it\'s' dbname=a\ b port=1`:            {"db", "1", "it's", "a b", ""},
		"host=db user=svc dbname=hr sslrootcert=/etc/ca.pem": {"db", "5432", "svc", "hr", ""},
		"":                                      {},
		"db":                                    {},
		"postgres://svc:s3cr3t@db/hr":           {},
		"postgres://svc:@db/hr":                 {},
		"postgres://svc@db/hr?password=s3cr3t":  {},
		"postgres://svc@db/hr?passfile=/s3cr3t": {},
		"host=db user=svc dbname=hr password=s3cr3t":     {},
		"host=db user=svc dbname=hr password = 's3cr3t'": {},
		"service=s3cr3t":                                              {},
		"postgres://svc@db":                                           {},
		"postgres://db/hr":                                            {},
		"postgres:///hr":                                              {},
		"postgres://svc@db/hr?search_path=x":                          {},
		"postgres://svc@a,b/hr":                                       {},
		"host=a,b user=svc dbname=hr":                                 {},
		"host=db host=other user=svc dbname=hr":                       {},
		"postgres://svc@db/hr?host=other":                             {},
		"postgres://svc@db/hr?user=other":                             {},
		"postgres://svc@db/hr?database=other":                         {},
		"postgres://svc@db/hr?sslmode=no":                             {},
		"postgres://svc@db/hr?sslrootcert=ca.pem":                     {},
		"postgres://svc@db:0/hr":                                      {},
		"postgres://svc@db:x/hr":                                      {},
		"postgres://svc@db/hr#x":                                      {},
		"host=db user=svc dbname=hr options='-c search_path=x'":       {},
		"host=db user='svc dbname=hr":                                 {},
		"host=db user=svc dbname=hr connect_timeout=0":                {},
		"mysql://svc@db/hr":                                           {},
		"postgres://svc@db/hr?sslmode=require&sslmode=disable":        {},
		"host=db user=svc dbname=hr sslmode=disable sslmode=require ": {},
	} {
		got, err := PostgresAddress(address)
		if got != want && want != (Target{}) || (err != nil) != (want == (Target{})) {
			t.Errorf("%q: %+v %v", address, got, err)
		}
		if err == nil {
			continue
		}
		if e := stead.AsError(err); e.Code != stead.Invalid || e.Place.Path != "address" || e.Hint == "" || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", address, err)
		}
		if strings.Contains(address, "s3cr3t") && !strings.Contains(err.Error(), "password") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func FuzzPostgresAddress(f *testing.F) {
	for _, s := range []string{"postgres://a:s3cr3t@h/d", "host=h user=u dbname='d\\' password=s3cr3t", "postgres://[::1", "=", "a='"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got, err := PostgresAddress(address)
		if err == nil && (got.Host == "" || got.User == "" || got.Database == "" || got.Port == "") {
			t.Errorf("%q: %+v", address, got)
		}
		if err != nil && stead.CodeOf(err) != stead.Invalid {
			t.Errorf("%q: %v", address, err)
		}
	})
}

func pgConnection(change func(*stead.Connection)) PutConnection {
	c := stead.Connection{Key: "pg", Platform: stead.PostgreSQL, Address: "postgres://svc@127.0.0.1/hr", Credential: "pg/svc"}
	if change != nil {
		change(&c)
	}
	return PutConnection{c}
}

func withSetting(name, value string) PutConnection {
	return pgConnection(func(c *stead.Connection) { c.Settings = map[string]string{name: value} })
}

func TestPostgresConnections(t *testing.T) {
	w := newWorld(t)
	for text, e := range map[string]Edit{
		"holds a password":     pgConnection(func(c *stead.Connection) { c.Address = "postgres://svc:x@db/hr" }),
		"address: is missing":  pgConnection(func(c *stead.Connection) { c.Address = "" }),
		"credential's name":    pgConnection(func(c *stead.Connection) { c.Credential = "../x" }),
		"stead's own store":    pgConnection(func(c *stead.Connection) { c.Credential = "store" }),
		"settings.color":       withSetting("color", "red"),
		"settings.drift":       withSetting("drift", "shrug"),
		"settings.exempt":      withSetting("exempt", "a,,b"),
		"is not an IP address": withSetting("poolers", "pooler.example.com"),
		"is not schema.name":   withSetting("no_force", "emp"),
		"cannot be a role":     withSetting("exempt", "pg_monitor"),
		"settings.move":        withSetting("move", "emp"),
		`platform "snowflake"`: PutConnection{stead.Connection{Key: "sf", Platform: stead.Snowflake, Address: "x"}},
		"takes no credential":  PutConnection{stead.Connection{Key: "e", Platform: stead.Embedded, Address: "/x", Credential: "c"}},
		"impersonation_role":   withSetting("impersonation_role", "immuta_governed"),
	} {
		code := stead.Invalid
		if strings.Contains(text, "snowflake") {
			code = stead.Unsupported
		}
		w.refused(code, text, e)
	}
	r := w.must(pgConnection(nil))
	if o := r.Outcomes[0]; o.Op != Create || len(o.Warnings) > 0 {
		t.Errorf("%+v", o)
	}
	r = w.must(pgConnection(func(c *stead.Connection) { c.Address = "postgres://svc@db.example.com/hr" }))
	if o := r.Outcomes[0]; len(o.Widens) != 1 || len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "TLS") {
		t.Errorf("%+v", o)
	}
	for _, c := range []struct {
		name, before, after string
		widens              string
	}{
		{"exempt", "etl", "etl,dba", "dba"}, {"exempt", "dba,etl", "etl", ""}, {"no_force", "", "hr.emp", "hr.emp"},
		{"keep_dependents", "", "hr.v", "hr.v"}, {"pinned", "bi", "", "bi"}, {"pinned", "", "bi", ""}, {"impersonate_only", "bi", "", "bi"},
		{"poolers", "10.0.0.1", "", "10.0.0.1"}, {"poolers", "", "10.0.0.1", ""}, {"poolers", "local, 10.0.0.0/8", "10.0.0.0/8", "local"}, {"drift", "", "report", "report"}, {"drift", "refuse", "", "repair"},
		{"drift", "", "refuse", ""}, {"impersonation_role", "", "standin", "standin"}, {"governed_role", "", "people", "people"}, {"apply", "", "manual", ""},
	} {
		set := func(value string) Outcome {
			if value == "" {
				return w.must(pgConnection(nil)).Outcomes[0]
			}
			return w.must(withSetting(c.name, value)).Outcomes[0]
		}
		set(c.before)
		o := set(c.after)
		if c.widens == "" && len(o.Widens) > 0 || c.widens != "" && (len(o.Widens) != 1 || !strings.Contains(o.Widens[0], c.widens)) {
			t.Errorf("%s from %q to %q: %q", c.name, c.before, c.after, o.Widens)
		}
	}
	if o := w.must(DeleteConnection{Key: "pg"}).Outcomes[0]; len(o.Warnings) != 2 || !strings.Contains(o.Warnings[1], "not disabled first") {
		t.Errorf("%+v", o)
	}
}

func TestPostgresSources(t *testing.T) {
	w := newWorld(t)
	w.must(pgConnection(nil))
	source := func(location string, path ...string) PutSource {
		return PutSource{stead.DataSource{Connection: "pg", Path: path, Location: location, Columns: []stead.Column{{Name: "id", Type: expr.Type{Kind: expr.Int}}}}}
	}
	w.must(source("", "hr", "emp"))
	w.refused(stead.Invalid, "location", source("emp.csv", "hr", "emp2"))
	w.refused(stead.Invalid, "immuta_system", source("", "immuta_system", "hash_key"))
	w.refused(stead.Invalid, "pg_catalog", source("", "pg_catalog", "pg_authid"))
	w.refused(stead.Invalid, "longer", source("", "hr", strings.Repeat("x", 64)))
	w.refused(stead.Conflict, "data sources", DeleteConnection{Key: "pg"})
}

func TestOneLoginIsOneIdentity(t *testing.T) {
	w := newWorld(t)
	put := func(name, role string) PutIdentity {
		i := stead.Identity{Kind: stead.User, Name: name}
		if role != "" {
			i.External = map[stead.Platform]string{stead.PostgreSQL: role}
		}
		return PutIdentity{i}
	}
	o := w.must(put("ana", "etl"), put("bob", "none"), put("cid", "none")).Outcomes
	if len(o[0].Widens) != 1 || !strings.Contains(o[0].Widens[0], "etl") || len(o[1].Widens) != 0 {
		t.Errorf("%+v", o)
	}
	w.refused(stead.Conflict, "external.postgresql", put("bob", "etl"))
	if _, err := w.Apply(ctx, w.admin, put("dan", "x"), put("eve", "x")); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("two in one batch: %v", err)
	}
	w.must(put("ana", "other"), put("bob", "etl"))
	w.must(DeleteIdentity{Name: "bob"}, put("cid", "etl"))
	if o := w.must(put("cid", "")).Outcomes[0]; len(o.Widens) != 1 || !strings.Contains(o.Widens[0], "cid") {
		t.Errorf("back to its own name: %+v", o)
	}
}

// vault is a keeper of credentials that can be away.
type vault struct {
	held map[string]string
	away error
}

func (v *vault) SetCredential(_ context.Context, name, text string) error {
	if v.away == nil {
		v.held[name] = text
	}
	return v.away
}

func (v *vault) DeleteCredential(_ context.Context, name string) error {
	delete(v.held, name)
	return v.away
}

func TestCredentialsOfConnections(t *testing.T) {
	w := newWorld(t)
	w.must(aUser("ana", stead.UserAdmin, stead.Governance))
	v := &vault{held: map[string]string{}}
	if err := w.SetCredential(ctx, w.admin, v, "pg/svc", "s3cr3t"); err != nil || v.held["pg/svc"] != "s3cr3t" {
		t.Fatal(err)
	}
	for _, c := range []struct {
		caller     Caller
		name, text string
		code       stead.Code
	}{
		{w.as("ana"), "pg/svc", "x", stead.Denied}, {Caller{}, "pg/svc", "x", stead.Unauthenticated}, {w.admin, "../x", "x", stead.Invalid},
		{w.admin, "", "x", stead.Invalid}, {w.admin, "Store", "x", stead.Invalid}, {w.admin, "x", "", stead.Invalid}, {w.admin, "x", "s3cr3t\nmore", stead.Invalid}, {w.admin, "x", "\xff", stead.Invalid},
		{w.admin, "x", strings.Repeat("x", 1<<20), stead.Invalid},
	} {
		err := w.SetCredential(ctx, c.caller, v, c.name, c.text)
		if stead.CodeOf(err) != c.code || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q %q: %v", c.name, shorten(c.text), err)
		}
	}
	v.away = stead.Errorf(stead.Unavailable, "the vault is closed")
	if err := w.SetCredential(ctx, w.admin, v, "pg/svc", "new"); stead.CodeOf(err) != stead.Unavailable {
		t.Error(err)
	}
	v.away = nil
	if err := w.DeleteCredential(ctx, w.admin, v, "pg/svc"); err != nil || len(v.held) != 0 {
		t.Error(v.held, err)
	}
	pending, err := w.store.PendingRecords(ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, p := range pending {
		r := p.Record
		if r.ObjectKind == "credential" {
			seen = append(seen, string(r.Status)+" "+r.Operation+" "+r.ObjectKey)
		}
		if strings.Contains(r.Reason+r.Details+r.Cause, "s3cr3t") {
			t.Errorf("a record holds the secret: %+v", r)
		}
	}
	want := "SUCCESS update pg/svc, SUCCESS update pg/svc, FAILURE update pg/svc, SUCCESS delete pg/svc"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("records: %s", got)
	}
}

func TestOperate(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.must(pgConnection(nil), aUser("gil", stead.Governance), aUser("olaf", stead.CreateDataSource))
	if c, err := w.Operate(ctx, w.admin, "pg", "apply"); err != nil || c.Key != "pg" {
		t.Error(err)
	}
	if c, err := w.Platform(ctx, w.as("gil"), "pg"); err != nil || c.Key != "pg" {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"denied":  second(w.Operate(ctx, w.as("gil"), "pg", "apply")),
		"denied ": second(w.Platform(ctx, w.as("olaf"), "pg")),
	} {
		if stead.CodeOf(err) != stead.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Operate(ctx, w.admin, "wh", "apply"); stead.CodeOf(err) != stead.Unsupported {
		t.Error(err)
	}
	if _, err := w.Platform(ctx, w.admin, "none"); stead.CodeOf(err) != stead.NotFound {
		t.Error(err)
	}
	pending, err := w.store.PendingRecords(ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	last := pending[len(pending)-2].Record // the refusal of gil is after it
	if last.Operation != "apply" || last.Connection != "pg" || last.Actor.Name != "admin" || last.Kind != stead.System {
		t.Errorf("%+v", last)
	}
}

func second[T any](_ T, err error) error { return err }
