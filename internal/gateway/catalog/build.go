package catalog

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed views.txt
var viewsText string

//go:embed macros.sql
var macrosText string

//go:embed session_macros.sql
var sessionMacrosText string

// The compact tables that the views of a set are made of. No statement can name them:
// only relations that PostgreSQL has are on the list.
const (
	relColumns = "(oid BIGINT, ns BIGINT, schema VARCHAR, name VARCHAR, kind VARCHAR, rowtype BIGINT, natts SMALLINT, comment VARCHAR, visible BOOLEAN)"
	colColumns = "(rel BIGINT, num SMALLINT, name VARCHAR, typ BIGINT, typmod INTEGER, required BOOLEAN)"
)

// statements splits an embedded script.
func statements(text string) []string {
	var all []string
	for _, s := range strings.Split(text, ";;") {
		lines := slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.HasPrefix(l, "--") })
		if s = strings.TrimSpace(strings.Join(lines, "\n")); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// foundation is what every set stands on: fixed rows, empty relations, functions.
func foundation(shapes []*shape, computed map[string]bool, version string) ([]string, error) {
	number, err := versionNumber(version)
	if err != nil {
		return nil, err
	}
	sql := []string{"CREATE SCHEMA memory.base",
		"CREATE TABLE base.type_name (oid BIGINT, name VARCHAR)",
		"CREATE TABLE base.keyword (word VARCHAR, catcode VARCHAR)",
		"CREATE TABLE base.x_rel " + relColumns, "CREATE TABLE base.x_col " + colColumns}
	for _, s := range shapes {
		if name := s.schema + "." + s.name; !computed[name] || name == "pg_catalog.pg_type" {
			sql = append(sql, s.create("base"))
		}
	}
	oids := map[string]int64{}
	for _, r := range parseStatic(staticText) {
		schema, name, _ := strings.Cut(r.relation, ".")
		sql = append(sql, r.insert("base."+quote(tableName(schema, name))))
		if r.relation == "base.type_name" {
			for _, row := range r.rows {
				oid, err := strconv.ParseInt(row[0], 10, 64)
				if err != nil {
					return nil, fmt.Errorf("catalog: %q is no OID: %w", row[0], err)
				}
				oids[row[1]] = oid
			}
		}
	}
	sql = append(sql, systemRows(shapes, oids)...)
	sql = append(sql, "UPDATE base.pg_settings SET setting = "+literal(version)+" WHERE name = 'server_version'",
		"UPDATE base.pg_settings SET setting = "+literal(number)+" WHERE name = 'server_version_num'")
	return append(sql, statements(strings.ReplaceAll(macrosText, "{version}", version))...), nil
}

// systemRows describes the catalogue's own relations.
func systemRows(shapes []*shape, oids map[string]int64) []string {
	var rels, cols rows
	for _, s := range shapes {
		ns := catalogNamespace
		if s.schema == "information_schema" {
			ns = schemaNamespace
		}
		rels.add(num(s.oid), num(ns), literal(s.schema), literal(s.name), literal(s.kind), "0", num(len(s.columns)), "NULL", boolean(s.schema == "pg_catalog"))
		for i, c := range s.columns {
			cols.add(num(s.oid), num(i+1), literal(c.name), num(oids[c.typ]), "-1", "false")
		}
	}
	return []string{"INSERT INTO base.x_rel VALUES " + rels.String(), "INSERT INTO base.x_col VALUES " + cols.String()}
}

// step is one statement of a script of our own.
type step struct {
	sql  string
	args []any
}

func steps(sql []string) []step {
	all := make([]step, len(sql))
	for i := range sql {
		all[i].sql = sql[i]
	}
	return all
}

// snapshot is the script that makes the schema of one set.
func (s *Set) snapshot(schema string, views []string) []step {
	in := func(sql string) string { return strings.ReplaceAll(sql, "{s}", schema) }
	sql := []string{"CREATE SCHEMA memory." + schema,
		in("CREATE TABLE {s}.x_own_rel " + relColumns), in("CREATE TABLE {s}.x_own_col " + colColumns),
		in("CREATE TABLE {s}.x_ns (oid BIGINT, name VARCHAR)"), in("CREATE TABLE {s}.x_role (oid BIGINT, name VARCHAR, login BOOLEAN)"),
		in("CREATE TABLE {s}.x_session AS SELECT " + literal(s.Database) + " AS database, " + literal(s.User) + " AS username")}
	all := append(steps(sql), s.fillTables(in)...)
	sql = []string{in("CREATE VIEW {s}.x_rel AS SELECT * FROM base.x_rel UNION ALL SELECT * FROM {s}.x_own_rel"),
		in("CREATE VIEW {s}.x_col AS SELECT * FROM base.x_col UNION ALL SELECT * FROM {s}.x_own_col")}
	for _, m := range statements(sessionMacrosText) {
		sql = append(sql, s.fill(in(m)))
	}
	for _, v := range views {
		sql = append(sql, in(v))
	}
	return append(all, steps(sql)...)
}

func (s *Set) login() string {
	if s.Login == "" {
		return s.User
	}
	return s.Login
}

// schemas of the set: those with visible tables, and the default one.
func (s *Set) schemas() []string {
	names := []string{s.schema()}
	for _, t := range s.Tables {
		names = append(names, t.Schema)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// schema is what current_schema() says.
func (s *Set) schema() string {
	if len(s.Path) > 0 {
		return s.Path[0]
	}
	return "public"
}

func (s *Set) path() []string {
	if len(s.Path) > 0 {
		return s.Path
	}
	names := s.schemas()
	if i := slices.Index(names, "public"); i > 0 {
		names = append([]string{"public"}, slices.Delete(slices.Clone(names), i, i+1)...)
	}
	return names
}

// rows collects the VALUES of an INSERT.
type rows struct {
	strings.Builder
	n int
}

func (r *rows) add(values ...string) {
	if r.n > 0 {
		r.WriteByte(',')
	}
	r.n++
	r.WriteByte('(')
	r.WriteString(strings.Join(values, ","))
	r.WriteByte(')')
}

func num[T ~int | ~int32 | ~int64 | ~uint32](n T) string { return fmt.Sprintf("%d", n) }

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// versionNumber writes "15.13" as 150013.
func versionNumber(version string) (string, error) {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return "", fmt.Errorf("catalog: version %q is not like 15.13: %w", version, err)
	}
	return fmt.Sprintf("%d%04d", major, minor), nil
}
