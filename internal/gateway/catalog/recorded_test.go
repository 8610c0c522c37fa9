package catalog

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/policy/expr"
)

// people is what ana may see in the recorded queries: two tables, of which region has a column
// less than the data source has.
func people() Set {
	text := expr.Type{Kind: expr.Text}
	return Set{Database: "stead", User: "ana", Tables: []Table{
		{ID: 1, Schema: "demo", Name: "hr_data", Comment: "People", Columns: []Column{
			{1, "employee_id", expr.Type{Kind: expr.Int, Bits: 32}, true}, {2, "name", text, false},
			{3, "ssn", expr.Type{Kind: expr.Text, Length: 11}, false}, {4, "salary", expr.DecimalType(10, 2), false},
			{5, "hired", expr.DateType, false}, {6, "active", expr.BoolType, false}, {7, "seen", expr.InstantType, false},
			{8, "score", expr.Type{Kind: expr.Float}, false}, {9, "tags", expr.Type{Kind: expr.Array, Elem: &text}, false}}},
		{ID: 2, Schema: "demo", Name: "region", Columns: []Column{{1, "region_id", expr.IntType, false}, {3, "label", text, false}}},
	}}
}

// recorded is one query of a client, with the parameters it sent.
type recorded struct {
	sql  string
	args []any
	oids []uint32
}

func readRecorded(t testing.TB, file string) []recorded {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	// The recordings hold the identifiers of the server they were made on.
	all := strings.NewReplacer("16387", fmt.Sprint(tableOID(1)), "16392", fmt.Sprint(tableOID(2)), "16389", fmt.Sprint(tableOID(1)+1)).Replace(string(text))
	var queries []recorded
	for _, q := range strings.Split(all, "\n;;\n") {
		r := recorded{sql: q}
		if i := strings.LastIndex(q, "\n-- parameters: "); i >= 0 {
			r.sql = q[:i]
			for _, m := range parameter.FindAllStringSubmatch(q[i:], -1) {
				r.args = append(r.args, m[2])
				oid := uint32(0)
				if m[2] != "" && strings.Trim(m[2], "0123456789") == "" {
					oid = pgtype.Int4
				}
				r.oids = append(r.oids, oid)
			}
		}
		if strings.TrimSpace(r.sql) != "" {
			queries = append(queries, r)
		}
	}
	return queries
}

// bound is a parameter's text as a value of the type that the statement wants.
func bound(typ *duck.Type, text string) any {
	switch name := typ.String(); {
	case strings.HasSuffix(name, "[]"):
		var all []any
		for _, s := range strings.Split(strings.Trim(text, "{}"), ",") {
			n, err := strconv.ParseInt(s, 10, 64)
			if all = append(all, n); err != nil {
				all[len(all)-1] = s
			}
		}
		return all
	case strings.HasSuffix(name, "INT") || name == "INTEGER":
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	default:
		return text
	}
}
