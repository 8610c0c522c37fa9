package policy

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"stead"
	"stead/policy/expr"
)

// mask is one kind of mask. A further kind is a file of its own and a line in maskOf.
type mask interface {
	// name is the kind for people and records.
	name() string
	// check reports what is wrong with the configuration by itself.
	check(m *MaskingConfig, path string) Problems
	// build returns the masked value of a column of any type. An error means that the mask does
	// not fit the column; the column then shows NULL.
	build(m *MaskingConfig, col expr.Column, key expr.Key) (expr.Node, error)
}

// maskOf returns the kind that a document names.
func maskOf(name string) (mask, bool) {
	switch name {
	case "Null":
		return nullMask{}, true
	case "Constant":
		return constantMask{}, true
	case "Hash":
		return hashMask{}, true
	case "Regex":
		return regexMask{}, true
	case "Rounding":
		return roundingMask{}, true
	case "Partial":
		return partialMask{}, true
	default:
		return nil, false
	}
}

// maskNotOffered knows the kinds the payload has words for.
func maskNotOffered(name string) bool {
	switch name {
	case "Reversible", "Format Preserving Masking", "Randomized Response", "K-Anonymization", "Custom Function",
		"Consistent Value", "Grouping":
		return true
	default:
		return false
	}
}

func (m *MaskingConfig) check(path string) Problems {
	if m == nil {
		return Problems{problem(path, "is missing: a masking rule needs it")}
	}
	if kind, ok := maskOf(m.Type); ok {
		return kind.check(m, path)
	}
	if maskNotOffered(m.Type) {
		return Problems{notOffered(join(path, "type"), "masks of type %q are not offered yet", m.Type).
			WithHint("use Null, Constant, Hash, Regex, Rounding or Partial")}
	}
	return Problems{problem(join(path, "type"), "mask type %q is not known", m.Type).
		WithHint("use Null, Constant, Hash, Regex, Rounding or Partial")}
}

// only reports members that do not belong to the kind of mask and those it lacks.
func (m *MaskingConfig) only(path string, needs, takes []string) Problems {
	return only(path, m.Type, []member{{"constant", m.Constant != nil}, {"length", m.Length != 0}, {"regex", m.Pattern != ""},
		{"replacement", m.Replacement != ""}, {"bucketSize", m.BucketSize != ""}, {"places", m.Places != nil},
		{"timePrecision", m.Unit != ""}, {"keepFirst", m.KeepFirst != nil}, {"keepLast", m.KeepLast != nil},
		{"character", m.Character != ""}}, needs, takes)
}

// Fit gives a masked value the declared type of the column. It fails where the language has no such cast.
func Fit(n expr.Node, t expr.Type) (expr.Node, error) {
	if reflect.DeepEqual(n.Type(), t) {
		return n, nil
	}
	return expr.NewCall(expr.Cast, n, expr.NullOf(t))
}

var errText = errors.New("the mask is for text")

func isText(t expr.Type) error {
	if t.Kind != expr.Text {
		return errText
	}
	return nil
}

// exactlyOne reports when not exactly one of the members is set.
func exactlyOne(path, kind string, members ...member) Problems {
	var names []string
	n := 0
	for _, m := range members {
		names = append(names, m.name)
		if m.set {
			n++
		}
	}
	if n != 1 {
		return Problems{problem(path, "%q needs exactly one of %s", kind, strings.Join(names, ", "))}
	}
	return nil
}

// keyOf names the hash key of a data source; acting in a project with masked joins it is the project's instead.
func keyOf(s *stead.DataSource) expr.Key { return expr.Key{ID: fmt.Sprintf("source/%d", s.ID)} }

// ProjectKey names the hash key that the sources of a project with masked joins share.
func ProjectKey(project string) expr.Key { return expr.Key{ID: "project/" + project} }

// SharedKey names the key of the project that the subject acts in when it shares one, else the source's own. It stands where the
// subject is not known yet.
func SharedKey(s *stead.DataSource) string { return fmt.Sprintf("shared/%d", s.ID) }
