package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"stead"
	"stead/internal/push"
)

// over are ways to show what hr.part holds by registering something else; each reads ssn, which is masked.
const overSQL = `SET ROLE hr_owner;
CREATE TABLE hr.part(dept text, ssn text) PARTITION BY LIST (dept); CREATE TABLE hr.part_a PARTITION OF hr.part FOR VALUES IN ('d0', 'd1');
CREATE TABLE hr.part_b PARTITION OF hr.part DEFAULT; INSERT INTO hr.part SELECT dept, ssn FROM hr.emp;
CREATE TABLE hr.above(dept text, ssn text); CREATE TABLE hr.kid() INHERITS (hr.above); INSERT INTO hr.kid SELECT dept, ssn FROM hr.emp;
CREATE VIEW hr.v AS SELECT dept, ssn FROM hr.part;
CREATE VIEW hr.vv AS SELECT dept, ssn FROM (SELECT * FROM hr.v) x;
CREATE VIEW hr.whole AS SELECT p.dept, to_jsonb(p)->>'ssn' AS ssn FROM hr.part p;
CREATE VIEW hr.sub AS SELECT e.dept, (SELECT max(p.ssn) FROM hr.part p) AS ssn FROM (VALUES ('d0'), ('d2')) e(dept);
CREATE VIEW hr.invoker WITH (security_invoker = true) AS SELECT dept, ssn FROM hr.part;
CREATE VIEW hr.marked AS SELECT dept, ssn FROM hr.part; COMMENT ON VIEW hr.marked IS 'stead:source=7:fingerprint=x';
CREATE VIEW hr.throughmarked AS SELECT dept, ssn FROM hr.marked;
CREATE VIEW hr.pv AS SELECT dept, ssn FROM hr.part_b;
CREATE VIEW hr.up AS SELECT dept, ssn FROM hr.above;
CREATE MATERIALIZED VIEW hr.m AS SELECT dept, ssn FROM hr.part;
CREATE VIEW hr.vm AS SELECT dept, ssn FROM hr.m;
CREATE VIEW hr.harmless AS SELECT 'd2'::text AS dept, 'x'::text AS ssn;
GRANT SELECT ON ALL TABLES IN SCHEMA hr TO readers; RESET ROLE;`

// overs are they, by the table they go round; those that stand for themselves go round none.
var overs = []struct{ table, over string }{{"v", "hr.part"}, {"vv", "hr.part"}, {"whole", "hr.part"}, {"sub", "hr.part"}, {"invoker", "hr.part"},
	{"throughmarked", "hr.part"}, {"pv", "hr.part"}, {"m", "hr.part"}, {"vm", "hr.part"}, {"part_b", "hr.part"}, {"up", "hr.kid"}, {"above", "hr.kid"}, {"harmless", ""}}

func overSources() (bases, others []*push.Source) {
	bases = []*push.Source{masked(plain(7, "hr", "part", "dept", "ssn"), 1), masked(plain(8, "hr", "kid", "dept", "ssn"), 1)}
	for i, o := range overs {
		others = append(others, plain(stead.SourceID(20+i), "hr", o.table, "dept", "ssn"))
	}
	return bases, others
}

// shown are the raw values of ssn that somebody gets of a table, under any of its names. The digits are those of hr.emp.
func (s *site) shown(role, table string) string {
	s.Helper()
	var out []string
	for _, schema := range []string{"hr", "hr_gov"} {
		got := s.sees(role, fmt.Sprintf("SELECT ssn FROM %s.%s", schema, table))
		if strings.Contains(got, "00000000") {
			out = append(out, schema+": "+got)
		}
	}
	return strings.Join(out, "; ")
}

func (s *site) noneShown() {
	s.Helper()
	for _, o := range overs {
		for _, role := range people {
			if got := s.shown(role, o.table); got != "" && role != "alice" {
				s.Errorf("%s is shown by hr.%s: %s", role, o.table, got)
			}
		}
		if o.over != "" {
			s.want("postgres", fmt.Sprintf("SELECT coalesce(bool_or(serves), false) FROM immuta_system.source WHERE source = %d", 20+slices.Index(overs, o)), "f")
		}
	}
	s.want("bob", "SELECT ssn FROM harmless", "x")
	s.want("bob", "SELECT count(*), min(ssn) FROM hr_gov.part", "3,*")
}

// round fails the test unless the plan refuses exactly what goes round another data source.
func (s *site) round(plan *push.Plan) {
	s.Helper()
	got := map[stead.SourceID]string{}
	for _, p := range plan.Problems {
		if !p.Blocking || p.Hint == "" {
			s.Errorf("%+v", p)
		}
		got[p.Source] = p.Message
	}
	for i, o := range overs {
		message, refused := got[stead.SourceID(20+i)]
		if refused != (o.over != "") || refused && !strings.Contains(message, o.over) && !strings.Contains(message, "hr.") {
			s.Errorf("hr.%s: %q", o.table, message)
		}
	}
	if got[7] != "" || got[8] != "" {
		s.Errorf("what is gone round is refused: %v", got)
	}
}

// The control: what is registered over tables that nobody registered shows them.
func TestViewsOverUnregistered(t *testing.T) {
	s := newSite(t, nil, overSQL)
	w := hrWorld()
	w.keys = nil
	for _, o := range overs[:1] {
		w.sources = []*push.Source{plain(20, "hr", o.table, "dept", "ssn")}
		if plan := s.apply(w.state(s), nil); len(plan.Problems) > 0 {
			t.Error(plan.Problems)
		}
		if s.shown("bob", o.table) == "" {
			t.Errorf("hr.%s shows nothing: the attempts prove nothing", o.table)
		}
	}
}

// Whatever is registered over a table that is masked shows nobody what is masked: registered with it, after it, before it, and held.
func TestViewsOverMasked(t *testing.T) {
	bases, others := overSources()
	t.Run("together", func(t *testing.T) {
		s := newSite(t, nil, overSQL)
		w := hrWorld()
		w.keys, w.sources = nil, slices.Concat(bases, others)
		st := w.state(s)
		s.round(s.apply(st, nil))
		s.noneShown()
		if plan := s.plan(st, nil); len(plan.Steps) > 0 {
			t.Errorf("steps are left: %+v", plan.Steps)
		}
	})
	t.Run("after", func(t *testing.T) {
		s := newSite(t, nil, overSQL)
		w := hrWorld()
		w.keys, w.sources = nil, bases
		first := w.state(s)
		s.apply(first, nil)
		w.sources = slices.Concat(bases, others)
		s.round(s.apply(w.state(s), first))
		s.noneShown()
	})
	t.Run("before", func(t *testing.T) {
		s := newSite(t, nil, overSQL)
		w := hrWorld()
		w.keys, w.sources = nil, nil
		for _, o := range others { // the parent goes first, so that it is not refused for its child
			if o.Path[1] != "above" && o.Path[1] != "part_b" && o.Path[1] != "vv" && o.Path[1] != "vm" && o.Path[1] != "pv" && o.Path[1] != "up" && o.Path[1] != "throughmarked" {
				w.sources = append(w.sources, o)
			}
		}
		first := w.state(s)
		s.apply(first, nil)
		if s.shown("bob", "v") == "" {
			t.Error("nothing shows before: the attempt proves nothing")
		}
		w.sources = slices.Concat(bases, w.sources)
		next := w.state(s)
		plan := s.apply(next, first)
		if len(plan.Problems) != len(w.sources)-len(bases)-1 {
			t.Errorf("%+v", plan.Problems)
		}
		for _, table := range []string{"v", "whole", "sub", "m", "invoker"} {
			if got := s.shown("bob", table); got != "" {
				t.Errorf("hr.%s: %s", table, got)
			}
		}
		// As they are held from then on, and looked at anew.
		w.sources = slices.Clone(w.sources)
		for i, src := range w.sources {
			if slices.ContainsFunc(plan.Problems, func(p push.Problem) bool { return p.Source == src.ID }) {
				w.sources[i] = &push.Source{ID: src.ID, Path: src.Path, Held: true}
			}
		}
		s.apply(w.state(s), nil)
		for _, table := range []string{"v", "whole", "sub", "m", "invoker"} {
			s.want("bob", "SELECT ssn FROM hr."+table, "ERROR 42501")
		}
	})
}

// What was refused stays shut for those to whom the view was open before, also when it does not fit its registration.
func TestViewRefusedIsShut(t *testing.T) {
	s := newSite(t, nil, overSQL)
	w := hrWorld()
	w.keys = nil
	w.sources = []*push.Source{masked(plain(7, "hr", "part", "dept", "ssn"), 1), plain(20, "hr", "v", "dept", "nothing"), plain(21, "hr", "part_b", "dept", "nothing")}
	s.want("bob", "SELECT count(ssn) FROM hr.v", "9") // the control
	if plan := s.apply(w.state(s), nil); len(plan.Problems) != 2 {
		t.Errorf("%+v", plan.Problems)
	}
	for _, table := range []string{"v", "part_b"} {
		s.want("bob", "SELECT ssn FROM hr."+table, "ERROR 42501")
	}
}

// An administrator who means it lists the view; a view over the masking view needs nobody; one that is replaced is found.
func TestViewsThatMayBe(t *testing.T) {
	s := newSite(t, map[string]string{"keep_dependents": "hr.v"}, overSQL)
	w := hrWorld()
	w.keys, w.sources = nil, []*push.Source{masked(plain(7, "hr", "part", "dept", "ssn"), 1), plain(20, "hr", "v", "dept", "ssn")}
	st := w.state(s)
	if plan := s.apply(st, nil); len(plan.Problems) > 0 {
		t.Error(plan.Problems)
	}
	s.want("bob", "SELECT count(*), min(ssn) FROM hr_gov.v", "3,000000002")
	s.settled(st)
	s.exec(`CREATE ROLE maker IN ROLE immuta_governed; GRANT CREATE, USAGE ON SCHEMA hr TO maker; GRANT maker TO postgres; SET ROLE maker;
		CREATE VIEW hr.over AS SELECT dept, ssn FROM hr_gov.part; CREATE MATERIALIZED VIEW hr.copied AS SELECT dept, ssn FROM hr_gov.part WITH NO DATA;
		CREATE VIEW hr.later AS SELECT 'd2'::text AS dept, ''::text AS ssn; RESET ROLE`)
	w.sources = append(w.sources, plain(21, "hr", "over", "dept", "ssn"), plain(22, "hr", "copied", "dept", "ssn"), plain(23, "hr", "later", "dept", "ssn"))
	next := w.state(s)
	plan := s.apply(next, st)
	if len(plan.Problems) != 1 || plan.Problems[0].Source != 22 {
		t.Errorf("%+v", plan.Problems)
	}
	s.want("bob", "SELECT count(*), min(ssn) FROM hr_gov.over", "3,*")
	s.want("bob", "SELECT count(*), min(ssn) FROM hr_gov.later", "1,")
	s.exec("ALTER VIEW hr.later OWNER TO hr_owner; SET ROLE hr_owner; CREATE OR REPLACE VIEW hr.later AS SELECT dept, ssn FROM hr.part; RESET ROLE")
	drift, err := s.p.Verify(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(drift, func(d push.Drift) bool { return d.Source == 23 && !d.Repairable && strings.Contains(d.What, "hr.part") }) {
		t.Errorf("%+v", drift)
	}
	s.apply(next, nil)
	if got := s.shown("bob", "later"); got != "" {
		t.Error(got)
	}
}

func TestCrawlTellsWhatViewsRead(t *testing.T) {
	s := newSite(t, nil, overSQL)
	found, err := s.p.Crawl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"v": "hr.part hr.part_a hr.part_b", "vv": "hr.part hr.part_a hr.part_b hr.v", "harmless": "", "pv": "hr.part hr.part_b", "up": "hr.above hr.kid", "emp": ""}
	for _, d := range found {
		var reads []string
		for _, r := range d.Reads {
			reads = append(reads, dotted(r))
		}
		if w, ok := want[d.Path[1]]; ok && strings.Join(reads, " ") != w {
			t.Errorf("%s reads %v", d.Path[1], reads)
		}
		delete(want, d.Path[1])
	}
	if len(want) > 0 {
		t.Error(want)
	}
}
