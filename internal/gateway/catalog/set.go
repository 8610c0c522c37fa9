package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strings"

	"stead"
	"stead/internal/gateway/pgtype"
	"stead/policy/expr"
)

// Set is everything one asker may know to exist, and as whom and where they ask.
type Set struct {
	Database string
	// User is what current_user says; Login is session_user. Login may be empty, it is User then.
	User, Login string
	// Path is the schemas an unqualified table name is looked for in. When it is empty,
	// every table can be named without its schema.
	Path   []string
	Tables []Table
}

// Table is one visible table.
type Table struct {
	ID           stead.SourceID
	Schema, Name string
	Comment      string
	Columns      []Column
}

// Column is one visible column. Num is its place in the data source, from 1, also when
// columns before it are not visible.
type Column struct {
	Num     int
	Name    string
	Type    expr.Type
	NotNull bool
}

// SetOf makes a set of the decisions on List that decide made. Decisions that deny, objects
// that are no registered table of two parts, and columns that are denied are left out.
func SetOf(database, user string, visible []stead.Decision) Set {
	s := Set{Database: database, User: user}
	for i := range visible {
		d := &visible[i]
		if d.Verdict != stead.Allow || d.Source == nil || len(d.Source.Path) != 2 {
			continue
		}
		t := Table{ID: d.Source.ID, Schema: d.Source.Path[0], Name: d.Source.Path[1], Comment: d.Source.Description}
		for j, c := range d.Source.Columns {
			if j >= len(d.Columns) || d.Columns[j].Access == stead.ColumnDenied {
				continue
			}
			// A mask may give NULL whatever the column declares.
			notNull := !c.Nullable && d.Columns[j].Access == stead.ColumnClear
			t.Columns = append(t.Columns, Column{Num: j + 1, Name: c.Name, Type: c.Type, NotNull: notNull})
		}
		s.Tables = append(s.Tables, t)
	}
	slices.SortFunc(s.Tables, func(a, b Table) int {
		if c := strings.Compare(a.Schema, b.Schema); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return s
}

// key is equal for equal sets only.
func (s *Set) key() string {
	var b []byte
	num := func(v int64) { b = binary.AppendVarint(b, v) }
	text := func(v string) {
		num(int64(len(v)))
		b = append(b, v...)
	}
	text(s.Database)
	text(s.User)
	text(s.Login)
	num(int64(len(s.Path)))
	for _, p := range s.Path {
		text(p)
	}
	for _, t := range s.Tables {
		num(int64(t.ID))
		text(t.Schema)
		text(t.Name)
		text(t.Comment)
		num(int64(len(t.Columns)))
		for _, c := range t.Columns {
			num(int64(c.Num))
			text(c.Name)
			p := pgtype.Of(c.Type)
			num(int64(p.OID))
			num(int64(p.Mod))
			if c.NotNull {
				num(1)
			} else {
				num(0)
			}
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// The object identifiers clients meet. They depend on the noun alone, so that what a tool
// has kept from an earlier session still means the same.
const (
	catalogNamespace = 11
	schemaNamespace  = 13207 // information_schema
	systemRole       = 10    // owns everything; nobody can be it
	publicNamespace  = 2200
	firstTable       = 20000
)

// tableOID is the table's; the one after it is its row type's.
func tableOID(id stead.SourceID) int64 { return firstTable + 2*int64(id) }

// nameOID spreads names over a range that no table reaches and that fits a signed 32 bit number.
func nameOID(kind, name string, taken map[int64]bool) int64 {
	h := fnv.New32a()
	h.Write([]byte(kind + "\x00" + name))
	oid := int64(h.Sum32()>>2) + 1<<30
	for taken[oid] {
		oid++
	}
	taken[oid] = true
	return oid
}
