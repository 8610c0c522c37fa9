package push

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is a profile table. Every platform keeps the same ones; all values are text here.
type Table string

// The profile tables and their columns. Numbers are decimal, flags "t" or "f".
const (
	// Identities: id, iam, name (canonical), serves (what it asks itself is answered), impersonable, limited (acts in a
	// project: only the sources of Scopes), key (id of the key it shares, "" for none). Disabled identities have no row. Who does not
	// serve shows nothing in anybody's hands, is not impersonable and has no other rows but those as an actor.
	Identities Table = "identity"
	// Logins: role (the platform's login), identity ("" for none), own (may ask for itself), pinned, exempt (sees what the
	// table's owner sees: for pipelines). A login whose identity has no row in Identities is refused everything, also in another's stead: the
	// identity is disabled, or several have that role (identity "0").
	Logins Table = "login"
	// StandIns: actor, subject: in whose stead who holds the permission in stead may ask; subject "*" is everybody who
	// may be impersonated at all. A login that is a member of the impersonation role and has no rows here was let in natively
	// and may ask in the stead of everybody who may be impersonated.
	StandIns Table = "stand_in"
	// Values: identity, kind ("attribute", "group", "purpose"), key (of the attribute, else ""), value.
	Values Table = "value"
	// Facts: condition, identity: the conditions on the subject that hold.
	Facts Table = "fact"
	// Members: audience, identity, access ("r" or "w").
	Members Table = "member"
	// Scopes: identity, source: what a limited identity may reach.
	Scopes Table = "scope"
	// Served: source, audience, serves.
	Served Table = "source"
	// Slots: source, slot, kind ("fact", "attribute", "group", "purpose"), key (condition or attribute key), placeholder
	// given ("t"/"f"), placeholder.
	Slots Table = "slot"
	// Switches: name. The row "off" refuses everything on the connection.
	Switches Table = "switch"
)

// Width is how many columns the tables have.
var Width = map[Table]int{Identities: 7, Logins: 5, StandIns: 2, Values: 4, Facts: 2, Members: 3, Scopes: 2, Served: 3, Slots: 6, Switches: 1}

// Tables lists the profile tables in the order in which rows are put; deletion goes the other way.
func Tables() []Table {
	return []Table{Identities, Logins, StandIns, Values, Facts, Members, Scopes, Slots, Served, Switches}
}

// Row is one row; columns that the table has not are "".
type Row [7]string

// Storable reports whether every platform holds a text in a row as it is.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Compare orders rows.
func (r Row) Compare(o Row) int { return slices.Compare(r[:], o[:]) }

// SetID names the rows of a table that change together: those of one audience, condition, source or identity.
type SetID struct {
	Table Table
	Key   string
}

// Set is rows that change together, sorted and unique. A set that did not change between two states is the same
// pointer.
type Set struct {
	Rows []Row
}

// Edit is what changes in one table.
type Edit struct {
	Table  Table `json:"table"`
	Put    []Row `json:"put,omitempty"`
	Delete []Row `json:"delete,omitempty"`
}

// Edits says how the rows of one state become those of another, nil for none, table by table in the order of Tables.
func Edits(before, after map[SetID]*Set) []Edit {
	byTable := map[Table]*Edit{}
	edit := func(t Table) *Edit {
		if byTable[t] == nil {
			byTable[t] = &Edit{Table: t}
		}
		return byTable[t]
	}
	for id, now := range after {
		if was := before[id]; was != now {
			var old []Row
			if was != nil {
				old = was.Rows
			}
			put, gone := difference(old, now.Rows)
			if len(put)+len(gone) > 0 {
				e := edit(id.Table)
				e.Put, e.Delete = append(e.Put, put...), append(e.Delete, gone...)
			}
		}
	}
	for id, was := range before {
		if after[id] == nil && len(was.Rows) > 0 {
			e := edit(id.Table)
			e.Delete = append(e.Delete, was.Rows...)
		}
	}
	var out []Edit
	for _, t := range Tables() {
		if e := byTable[t]; e != nil {
			slices.SortFunc(e.Put, Row.Compare)
			slices.SortFunc(e.Delete, Row.Compare)
			out = append(out, *e)
		}
	}
	return out
}

// difference merges two sorted lists.
func difference(old, now []Row) (put, gone []Row) {
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case i == len(old):
			put = append(put, now[j])
			j++
		case j == len(now):
			gone = append(gone, old[i])
			i++
		default:
			switch c := old[i].Compare(now[j]); {
			case c == 0:
				i, j = i+1, j+1
			case c < 0:
				gone = append(gone, old[i])
				i++
			default:
				put = append(put, now[j])
				j++
			}
		}
	}
	return put, gone
}
