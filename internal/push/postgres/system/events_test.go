package system_test

import (
	"testing"
	"time"

	"stead/internal/pgserver/town"
)

// withEvents adds the event trigger, as a superuser may.
func withEvents(w *town.Town) {
	w.T.Helper()
	for range 2 {
		w.Bootstrap(w.Connect("postgres"), true)
	}
}

func TestEventTriggerClosesAgain(t *testing.T) {
	w := town.New(t)
	admin := w.Connect("postgres")
	owns := func(sql string) step { return admins("SET ROLE hr_owner; " + sql + "; RESET ROLE") }
	const count = "SELECT count(*) FROM hr.emp"
	// The control: without the trigger row security that is taken away is away.
	w.Exec(admin, "GRANT CREATE ON SCHEMA hr TO hr_owner")
	play(t, w, "bob", steps(step{count, "100"}, owns("ALTER TABLE hr.emp DISABLE ROW LEVEL SECURITY"), step{count, "900"}, sees(nothing), owns("ALTER TABLE hr.emp ENABLE ROW LEVEL SECURITY"), step{count, "100"}))
	withEvents(w)
	w.Exec(admin, "LISTEN stead_drift")
	play(t, w, "bob", steps(step{count, "100"}, owns("ALTER TABLE hr.emp DISABLE ROW LEVEL SECURITY"), step{count, "100"}, sees(asBob),
		owns("ALTER TABLE hr.emp NO FORCE ROW LEVEL SECURITY"), sees(asBob), owns("ALTER TABLE hr.emp ADD COLUMN more text"), sees(asBob)))
	w.Exec(admin, "SELECT 1")
	n, err := admin.WaitForNotification(within(t))
	if err != nil || n.Channel != "stead_drift" || n.Payload != "hr.emp" {
		t.Error("nobody was told:", n, err)
	}
	for _, c := range []struct{ name, sql, table, as, want string }{
		{"made anew", "DROP TABLE hr.emp CASCADE; CREATE TABLE hr.emp (id int); INSERT INTO hr.emp VALUES (1)", "hr.emp", "", ""},
		{"made anew and granted", "DROP TABLE IF EXISTS hr.emp CASCADE; CREATE TABLE hr.emp (id int); GRANT SELECT ON hr.emp TO immuta_governed", "hr.emp", "bob", "0"},
		{"made anew from a query", "DROP TABLE hr.emp; CREATE TABLE hr.emp AS SELECT 1 AS id; GRANT SELECT ON hr.emp TO immuta_governed", "hr.emp", "bob", "0"},
		{"renamed into place", "DROP TABLE hr.emp; CREATE TABLE hr.new AS SELECT 1 AS id; GRANT SELECT ON hr.new TO immuta_governed; ALTER TABLE hr.new RENAME TO emp", "hr.emp", "bob", "0"},
		{"a table that is not governed", "CREATE TABLE hr.free AS SELECT 1 AS id; GRANT SELECT ON hr.free TO immuta_governed", "hr.free", "bob", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := w.Ask(admin, "SET ROLE hr_owner; "+c.sql)
			w.Exec(admin, "RESET ROLE")
			if c.as == "" {
				if got != "ERROR 42501" { // who is not exempt writes nothing into a table that is closed
					t.Error(got)
				}
				return
			}
			if got := w.Ask(w.Connect(c.as), "SELECT count(*) FROM "+c.table); got != c.want {
				t.Errorf("%s sees %s", c.as, got)
			}
		})
	}
	if got := w.Ask(w.Connect("etl"), count); got != "1" {
		t.Error("an exempt login sees of a table made anew", got)
	}
}

func TestEventTriggerClosesChildren(t *testing.T) {
	w := town.New(t)
	withEvents(w)
	admin := w.Connect("postgres")
	w.Exec(admin, `SET ROLE hr_owner; CREATE TABLE hr.part (id int, dept text) PARTITION BY RANGE (id); ALTER TABLE hr.part ENABLE ROW LEVEL SECURITY; ALTER TABLE hr.part FORCE ROW LEVEL SECURITY; RESET ROLE;
		INSERT INTO immuta_system.governed (source, schema, name, relation, layout) VALUES (3, 'hr', 'part', 'hr.part'::regclass, 'rls')`)
	w.Exec(admin, `SET ROLE hr_owner; CREATE TABLE hr.part1 PARTITION OF hr.part FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id); CREATE TABLE hr.part11 PARTITION OF hr.part1 FOR VALUES FROM (0) TO (5);
		CREATE TABLE hr.part2 (id int, dept text); ALTER TABLE hr.part ATTACH PARTITION hr.part2 FOR VALUES FROM (10) TO (20); GRANT SELECT ON hr.part1, hr.part11, hr.part2 TO immuta_governed; RESET ROLE;
		INSERT INTO hr.part SELECT g, 'd03' FROM generate_series(0, 4) g; INSERT INTO hr.part SELECT g, 'd03' FROM generate_series(10, 19) g`)
	bob, etl := w.Connect("bob"), w.Connect("etl")
	for table, all := range map[string]string{"hr.part1": "5", "hr.part11": "5", "hr.part2": "10"} {
		if got := w.Ask(bob, "SELECT count(*) FROM "+table); got != "0" {
			t.Errorf("bob sees %s of %s", got, table)
		}
		if got := w.Ask(etl, "SELECT count(*) FROM "+table); got != all {
			t.Errorf("etl sees %s of %s", got, table)
		}
	}
}

func TestDropsAreTold(t *testing.T) {
	w := town.New(t)
	withEvents(w)
	admin := w.Connect("postgres")
	w.Exec(admin, "LISTEN stead_drift")
	for _, c := range []struct{ sql, told string }{
		{"DROP POLICY stead_1_rows ON hr.emp", "stead_1_rows on hr.emp"},
		{"DROP VIEW hr_gov.emp", "hr_gov.emp"},
		{"DROP TABLE hr.emp CASCADE", "hr.emp"},
	} {
		w.Exec(admin, c.sql)
		for seen := false; !seen; {
			n, err := admin.WaitForNotification(within(t))
			if err != nil {
				t.Fatalf("%s: nobody was told of %s: %v", c.sql, c.told, err)
			}
			seen = n.Payload == c.told
		}
	}
}

func TestEventTriggerIsForSuperusers(t *testing.T) {
	w := town.New(t)
	withEvents(w)
	play(t, w, "etl", steps(refusedWith("ALTER EVENT TRIGGER stead_ddl DISABLE", "42501"), refusedWith("DROP EVENT TRIGGER stead_ddl", "42501"),
		refusedWith("CREATE OR REPLACE FUNCTION immuta_system.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'", "42501")))
}

const patience = 20 * time.Second
