package bundle

import (
	"cmp"
	"slices"
	"strings"

	"stead"
)

// Problems are everything that is wrong with what was read, in the order of the files. An empty list is no error: return
// it through Err.
type Problems []*stead.Error

// Err is the list as an error, nil when it is empty.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b *stead.Error) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column), cmp.Compare(a.Place.Path, b.Place.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(p, func(a, b *stead.Error) bool { return a.Place == b.Place && a.Message == b.Message })
}

// Error lists every problem on a line of its own.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, e := range p {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.Is and errors.As.
func (p Problems) Unwrap() []error {
	out := make([]error, len(p))
	for i, e := range p {
		out[i] = e
	}
	return out
}
