package catalog

import (
	"fmt"
	"slices"
	"strings"

	"stead/internal/gateway/pgtype"
)

// fillTables writes the compact tables, a list for each column: as literals, thousands of
// rows would take their time in the parser.
func (s *Set) fillTables(in func(string) string) []step {
	taken := map[int64]bool{publicNamespace: true}
	oids := map[string]int64{"public": publicNamespace}
	spaces, roles := newColumns(2), newColumns(3)
	rels, cols := newColumns(9), newColumns(6)
	spaces.add(int64(catalogNamespace), "pg_catalog")
	spaces.add(int64(schemaNamespace), "information_schema")
	for _, n := range s.schemas() {
		if n != "public" {
			oids[n] = nameOID("schema", n, taken)
		}
		spaces.add(oids[n], n)
	}
	for _, t := range s.Tables {
		oid := tableOID(t.ID)
		var comment any
		if t.Comment != "" {
			comment = t.Comment
		}
		visible := len(s.Path) == 0 || slices.Contains(s.Path, t.Schema)
		rels.add(oid, oids[t.Schema], t.Schema, t.Name, "r", oid+1, int64(len(t.Columns)), comment, visible)
		for _, c := range t.Columns {
			p := pgtype.Of(c.Type)
			cols.add(oid, int64(c.Num), c.Name, int64(p.OID), int64(p.Mod), c.NotNull)
		}
	}
	roles.add(int64(systemRole), "stead", false)
	for _, n := range slices.Compact([]string{s.User, s.login()}) {
		roles.add(nameOID("role", n, taken), n, true)
	}
	return []step{spaces.insert(in("{s}.x_ns")), roles.insert(in("{s}.x_role")), rels.insert(in("{s}.x_own_rel")), cols.insert(in("{s}.x_own_col"))}
}

// columns collects rows by column.
type columns [][]any

func newColumns(n int) columns {
	c := make(columns, n)
	for i := range c {
		c[i] = []any{}
	}
	return c
}

func (c columns) add(values ...any) {
	for i, v := range values {
		c[i] = append(c[i], v)
	}
}

func (c columns) insert(table string) step {
	s := step{sql: "INSERT INTO " + table + " SELECT "}
	for i := range c {
		if i > 0 {
			s.sql += ", "
		}
		s.sql += fmt.Sprintf("unnest($%d)", i+1)
		s.args = append(s.args, []any(c[i]))
	}
	return s
}

func (s *Set) fill(sql string) string {
	list := func(names []string) string {
		quoted := make([]string, len(names))
		for i, n := range names {
			quoted[i] = literal(n)
		}
		return "CAST([" + strings.Join(quoted, ", ") + "] AS VARCHAR[])"
	}
	return strings.NewReplacer(
		"{database}", literal(s.Database), "{user}", literal(s.User), "{login}", literal(s.login()), "{schema}", literal(s.schema()),
		"{all_schemas}", list(append([]string{"pg_catalog"}, s.path()...)), "{schemas}", list(s.path()),
		"{acl}", list([]string{"stead=r/stead", aclName(s.User) + "=r/stead"}),
	).Replace(sql)
}

// aclName writes a role's name as an aclitem does.
func aclName(name string) string {
	for _, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return quote(name)
		}
	}
	return name
}
