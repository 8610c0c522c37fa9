package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// view is a relation computed from the compact tables.
type view struct {
	shape *shape
	from  string
	// exprs by column; the column "*" names the alias whose columns of the same name are taken.
	exprs map[string]string
}

func parseViews(text string, shapes map[string]*shape) ([]view, error) {
	var all []view
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "@ "); ok {
			s := shapes[name]
			if s == nil {
				return nil, fmt.Errorf("views: no relation %s", name)
			}
			all = append(all, view{shape: s, exprs: map[string]string{}})
			continue
		}
		if line == "" {
			continue
		}
		v := &all[len(all)-1]
		if strings.HasPrefix(line, "FROM ") {
			v.from = line
			continue
		}
		column, e, ok := strings.Cut(line, " = ")
		if !ok || column != "*" && !slices.ContainsFunc(v.shape.columns, func(c shapeColumn) bool { return c.name == column }) {
			return nil, fmt.Errorf("views: %s has no column for %q", v.shape.name, line)
		}
		v.exprs[column] = e
	}
	return all, nil
}

// sql prints the view; {s} stays for the set's schema.
func (v *view) sql() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE VIEW {s}.%s AS SELECT ", quote(v.shape.table()))
	for i, c := range v.shape.columns {
		e, ok := v.exprs[c.name]
		switch alias, star := v.exprs["*"]; {
		case ok:
		case star:
			e = alias + "." + quote(c.name)
		default:
			e = v.shape.missing(c)
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "CAST(%s AS %s) AS %s", e, engineType(c.typ), quote(c.name))
	}
	return b.String() + " " + v.from
}
