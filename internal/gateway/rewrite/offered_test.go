package rewrite_test

import (
	"database/sql"
	"strings"
	"testing"
)

// offered spells a call of every scalar and aggregate function of DuckDB with up to
// four parameters, by its own list of types, over the columns of the scanned table.
func offered(t *testing.T) []string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT DISTINCT function_name, array_to_string([coalesce(x, 'ANY') FOR x IN parameter_types], ';') AS p FROM duckdb_functions()
		WHERE function_type IN ('scalar', 'macro') AND len(parameter_types) BETWEEN 1 AND 4 ORDER BY ALL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name, types string
		if err := rows.Scan(&name, &types); err != nil {
			t.Fatal(err)
		}
		args := argumentsFor(strings.Split(types, ";"))
		for _, a := range args {
			switch {
			case isName(name):
				out = append(out, name+"("+strings.Join(a, ", ")+")")
			case len(a) == 2:
				out = append(out, "("+a[0]+" "+name+" "+a[1]+")")
			case len(a) == 1:
				out = append(out, "("+name+" "+a[0]+")")
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// argumentsFor gives columns of the types, and the same with constants after the first.
func argumentsFor(types []string) [][]string {
	var columns, constants []string
	for i, typ := range types {
		c, l := argument(typ)
		columns = append(columns, c)
		if i == 0 {
			l = c
		}
		constants = append(constants, l)
	}
	out := [][]string{columns}
	if len(types) > 1 {
		out = append(out, constants)
		last := append([]string{constants[1]}, columns[1:]...) // a constant first: patterns
		out = append(out, last)
	}
	return out
}

func argument(typ string) (column, constant string) {
	base, isList := strings.CutSuffix(typ, "[]")
	if isList {
		c, l := argument(base)
		return "[" + c + "]", "[" + l + "]"
	}
	switch {
	case strings.HasPrefix(base, "DECIMAL"):
		return "d", "1.5"
	case strings.HasSuffix(base, "INT") || strings.HasSuffix(base, "INTEGER"):
		return "n", "3"
	}
	switch base {
	case "FLOAT", "DOUBLE":
		return "f", "1.5"
	case "DATE":
		return "dt", "DATE '2020-01-01'"
	case "TIMESTAMP":
		return "ts", "TIMESTAMP '2020-01-01 00:00:00'"
	case "TIMESTAMP WITH TIME ZONE":
		return "tz", "CAST('2020-01-01 00:00:00+00' AS TIMESTAMPTZ)"
	case "TIME":
		return "tm", "TIME '10:00:00'"
	case "INTERVAL":
		return "to_days(k)", "INTERVAL 1 DAY"
	case "BOOLEAN":
		return "b", "true"
	case "BLOB":
		return "x", "CAST('a' AS BLOB)"
	case "UUID":
		return "u", "gen_random_uuid()"
	case "BIGINT":
		return "n", "3"
	}
	return "s", "'day'"
}
