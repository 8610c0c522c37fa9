package postgres

import (
	"slices"
	"strings"

	"stead"
	"stead/internal/push"
)

// found is what a look at the database found.
type found struct {
	version  int
	database string
	user     string
	super    bool
	creates  bool // roles
	rights   *rights

	booted     bool
	connection string
	instance   string
	script     string // digest of what made our objects
	tampered   bool   // they are not as they were made
	revision   int64
	state      string

	relations map[uint32]*relation
	byName    map[string]*relation // by name(schema, table)
	governed  map[stead.SourceID]*record
	views     map[string]*relation // in schemas of ours, by name
	schemas   map[string]*schema
	reads     map[uint32][][]string // what relations read, by their rules
	functions []definer
	exempt    []string // logins of the settings that exist
	members   []string // of the role that owns our objects, besides us
	logins    map[string]*login
	before    map[string]before // by spelled name

	at      map[string]stead.SourceID // the data sources of the state that is planned for, by name
	writers map[*push.Set]bool        // of that state, the audiences that have somebody who may write
}

// relation is a table or view.
type relation struct {
	oid          uint32
	schema, name string
	home         string // the schema people know it by
	from         string // the schema it stands in, when it is to be moved to schema
	kind         string // of pg_class
	temporary    bool
	owner        string
	mine         bool // we may alter it
	rls, force   bool
	comment      string
	columns      []column
	grants       []grant
	policies     []policyRow
	sequences    []sequence
	children     []uint32 // all below it, and above it those that read it, are relations too
	parents      []uint32
	dependents   []uint32
	body         string // digest of a view's rule
	barrier      bool
}

type column struct {
	name, native string
	number       int16  // of the catalogue: policies and views hold it, and not the name
	domain       bool   // native is the base type of its type
	bytes        bool   // equality is of bytes
	collation    string // spelled
}

// grant is one privilege of somebody who is not the owner, on the whole ("") or a column.
type grant struct{ to, privilege, column string }

// policyRow is one policy as the catalogue holds it.
type policyRow struct {
	name, comment string
	permissive    bool
	roles         []string
	reads         bool // something beside its table
}

// record is what we wrote down about a source.
type record struct {
	schema, name string
	relation     uint32
	layout       string
	fingerprint  string // as it was written
	native       string // as it would be written now
	detail       detail
}

// part is one of the fingerprint: the intent, the digest of the policies, that of the view.
func (r *record) part(i int) string {
	parts := strings.SplitN(r.fingerprint, ":", 3)
	if len(parts) != 3 {
		return ""
	}
	return parts[i]
}

type schema struct {
	name, owner, comment string
	usage                []string // of the roles we ask for, those that have it
	creates              bool     // we may create there
}

// definer is a function that runs as its owner.
type definer struct {
	oid          uint32
	schema, name string
	arguments    string
	owner        string
	words        map[string]bool
	grants       []string
}

func name(schema, table string) string { return schema + "\x00" + table }

// wanted is what a look is for: tables by name and sources by what we wrote down of them. With all, everything that was
// written down is looked at.
type wanted struct {
	settings push.Settings
	paths    [][2]string
	sources  []stead.SourceID
	all      bool
}

func (f *found) relation(oid uint32) *relation {
	if f.relations[oid] == nil {
		f.relations[oid] = &relation{oid: oid}
	}
	return f.relations[oid]
}

func (f *found) oids() []uint32 {
	out := make([]uint32, 0, len(f.relations))
	for oid := range f.relations {
		out = append(out, oid)
	}
	slices.Sort(out)
	return out
}

// words are the identifiers and literals of a program text, as lower case words.
func words(body string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsFuncSeq(strings.ToLower(body), func(r rune) bool {
		return strings.ContainsRune(" \t\r\n\f\v.,;:()[]{}<>=+-*/%^&|!~@#?'\"`\\", r)
	}) {
		out[w] = true
	}
	return out
}

// mentions reports whether a text names a table, as far as a text says it.
func (d definer) mentions(table string) bool {
	for w := range words(table) {
		if !d.words[w] {
			return false
		}
	}
	return true
}
