package postgres

import (
	"slices"
	"strings"
	"testing"

	"stead/internal/govern"
	"stead/internal/push"
	"stead/policy/expr"
)

const domainSQL = `CREATE DOMAIN hr.ssn AS text CHECK (VALUE ~ '^[0-9]{9}$'); CREATE DOMAIN hr.phone0 AS varchar(12) CHECK (VALUE <> '');
	CREATE DOMAIN hr.phone AS hr.phone0 NOT NULL; CREATE DOMAIN hr.dept AS text; CREATE DOMAIN hr.pay AS int CHECK (VALUE > 0); SET ROLE hr_owner;
	CREATE TABLE hr.person(id int PRIMARY KEY, dept hr.dept, ssn hr.ssn, phone hr.phone, pay hr.pay);
	INSERT INTO hr.person SELECT g, 'd' || g % 3, lpad(g::text, 9, '0'), '030-' || g, g FROM generate_series(1, 9) g; RESET ROLE;`

// A column of a domain is registered with what the domain is made of, so that rules and masks are of that type: they need not pass
// the domain's own checks.
func TestDomains(t *testing.T) {
	s := newSite(t, nil, domainSQL)
	found, err := s.p.Crawl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(found, func(d govern.Discovered) bool { return dotted(d.Path) == "hr.person" })
	var types []string
	var columns []push.Column
	for _, c := range found[at].Columns {
		types = append(types, c.Type.String())
		columns = append(columns, push.Column{Name: c.Name, Type: c.Type, Shown: expr.Column{Name: c.Name, Typ: c.Type}})
	}
	if got := strings.Join(types, ", "); got != "int32, text, text, text(12), int32" {
		t.Error(got)
	}
	clear := expr.Subject{Fact: expr.SlotHolds, Key: "2"}
	masked := slices.Clone(columns)
	masked[2].Shown = mustCall(expr.If, clear, columns[2].Shown, mustCall(expr.Hash, expr.Key{ID: "shared/7"}, columns[2].Shown, expr.IntLit(8)))
	masked[3].Shown = mustCall(expr.If, clear, columns[3].Shown, mustCall(expr.RegexRepl, columns[3].Shown, expr.TextLit("[0-9]"), expr.TextLit("")))
	masked[4].Shown = mustCall(expr.If, clear, columns[4].Shown, mustCall(expr.Sub, columns[4].Shown, expr.IntLit(100)))
	w := hrWorld()
	// The view is replaced as columns come to be masked, and are not any more.
	for _, c := range []struct {
		columns []push.Column
		bob     string
	}{
		{masked, hashed("source/7", "000000002") + ",-,-98 " + hashed("source/7", "000000005") + ",-,-95 " + hashed("source/7", "000000008") + ",-,-92"},
		{[]push.Column{columns[0], columns[1], columns[2], masked[3], masked[4]}, "000000002,-,-98 000000005,-,-95 000000008,-,-92"},
		{[]push.Column{columns[0], columns[1], masked[2], columns[3], columns[4]}, hashed("source/7", "000000002") + ",030-2,2 " + hashed("source/7", "000000005") + ",030-5,5 " + hashed("source/7", "000000008") + ",030-8,8"},
		{columns, "000000002,030-2,2 000000005,030-5,5 000000008,030-8,8"},
	} {
		w.sources = []*push.Source{digested(&push.Source{ID: 7, Path: []string{"hr", "person"}, Columns: c.columns,
			Rows: expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: columns[1].Shown}})}
		st := w.state(s)
		s.apply(st, nil)
		s.settled(st)
		s.want("bob", "SELECT ssn, phone, pay FROM person ORDER BY id", c.bob)
		s.want("alice", "SELECT ssn, phone, pay FROM person WHERE id = 4", "000000004,030-4,4")
	}
}
