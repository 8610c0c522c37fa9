package expr

import "fmt"

// Scope is what an expression text may name.
type Scope interface {
	// Column finds a column by its exact name.
	Column(name string) (Column, bool)
	// Tagged gives the columns that carry the tag.
	Tagged(tag string) []Column
}

// FoldedScope is a Scope that also finds names without quotes when only their ASCII
// letter case differs. All columns that fit are returned; several are refused.
type FoldedScope interface {
	Scope
	Folded(name string) []Column
}

// KeyScope is a Scope that lets expressions hash: the ids of the keys they may use,
// of which hash(x, n) and sample(x, share) take the first.
type KeyScope interface {
	Scope
	HashKeys() []string
}

// Columns is a Scope over a list of columns.
type Columns struct {
	List []Column
	Tags map[string][]string // column name to its tags, taken literally
	Keys []string
}

// Column implements Scope.
func (s Columns) Column(name string) (Column, bool) {
	for _, c := range s.List {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// Tagged implements Scope.
func (s Columns) Tagged(tag string) []Column {
	var out []Column
	for _, c := range s.List {
		for _, t := range s.Tags[c.Name] {
			if t == tag {
				out = append(out, c)
				break
			}
		}
	}
	return out
}

// Folded implements FoldedScope.
func (s Columns) Folded(name string) []Column {
	var out []Column
	for _, c := range s.List {
		if equalFoldASCII(c.Name, name) {
			out = append(out, c)
		}
	}
	return out
}

// HashKeys implements KeyScope.
func (s Columns) HashKeys() []string { return s.Keys }

// UntaggedError is the cause of a SyntaxError when @columnTagged finds no column: a
// policy that says so is not applied to that data source.
type UntaggedError struct{ Tag string }

func (e *UntaggedError) Error() string { return fmt.Sprintf("no column is tagged %q", e.Tag) }

// SourceFacts is what the tokens of the subscription language stand for.
type SourceFacts struct {
	Hostname, Database, Schema, Table string
	Tags                              []string // of the data source
	ColumnTags                        []string // of any of its columns
}
