package duck

import (
	"fmt"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
)

// compare checks the declared columns against the data's. Columns that the data has and
// the source does not declare are not served and do not matter.
func compare(def *stead.DataSource, t *table) error {
	if len(def.Columns) == 0 {
		return stead.Errorf(stead.Invalid, "%s has no columns", def.Object())
	}
	found := map[string]*Type{}
	for _, c := range t.columns {
		found[c.Name] = c.Type
	}
	var missing, changed []string
	for _, c := range def.Columns {
		is, ok := found[c.Name]
		if !ok {
			missing = append(missing, fmt.Sprintf("column %q is gone", c.Name))
			continue
		}
		want, err := dialect.TypeName(c.Type)
		if err != nil {
			return err
		}
		if t.typed && !sameType(is.String(), want) {
			changed = append(changed, fmt.Sprintf("column %q is %s, declared as %s", c.Name, is, want))
		}
	}
	if len(missing)+len(changed) == 0 {
		return nil
	}
	return stead.Errorf(stead.Conflict, "%s has changed since it was registered: %s", def.Object(),
		strings.Join(append(missing, changed...), ", ")).WithHint("register the table again when the change is wanted")
}

func sameType(a, b string) bool {
	if a == b {
		return true
	}
	x, err := dialect.TypeName(dialect.ParseType(a))
	if err != nil {
		return false
	}
	y, err := dialect.TypeName(dialect.ParseType(b))
	return err == nil && x == y
}
