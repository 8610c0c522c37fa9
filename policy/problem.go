package policy

import (
	"cmp"
	"slices"
	"strings"

	"stead"
)

// Problems are everything that is wrong with what was read, each with its place. An
// empty list is no error: return it through Err.
type Problems []*stead.Error

// Err is the list as an error, in the order of the places and each problem once; nil when it is empty.
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

// problem is one fault at a path of the document.
func problem(path, format string, args ...any) *stead.Error {
	return stead.Errorf(stead.Invalid, format, args...).At(stead.Place{Path: path})
}

// notOffered is what the payload has a word for and stead does not enforce yet. It is refused, never
// ignored: a policy that looks accepted and does nothing would be a leak.
func notOffered(path, format string, args ...any) *stead.Error {
	return stead.Errorf(stead.Unsupported, format, args...).At(stead.Place{Path: path})
}
