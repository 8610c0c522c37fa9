package catalog

import (
	"strings"

	"stead"
)

// repair respells what DuckDB's parser does not read, or reads and then forgets: comments,
// OPERATOR(schema.op), schemas of types, collations. SIMILAR TO is refused, because the
// parser gives it the same tree as the operator ~.
func repair(sql string) (string, error) {
	var in []token
	for _, t := range scan(sql) {
		if t.kind != space {
			in = append(in, t)
		}
	}
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		switch {
		case is(in, i, "operator", "("):
			op, n := operator(in[i+2:])
			if n == 0 {
				return "", stead.Errorf(stead.Invalid, "OPERATOR() needs one operator")
			}
			b.WriteString(op + " ")
			i += n + 1
			continue
		case is(in, i, "collate"):
			i++
			for i+2 < len(in) && in[i+1].text == "." {
				i += 2
			}
			continue
		case is(in, i, "similar", "to"):
			return "", stead.Errorf(stead.Unsupported, "SIMILAR TO is not available in catalogue queries").WithHint("use LIKE or ~")
		}
		b.WriteString(in[i].text + " ")
		if typeFollows(in, i) {
			i += 2
		}
	}
	return b.String(), nil
}

// typeFollows: after :: and AS only a type can be qualified by pg_catalog.
func typeFollows(in []token, i int) bool {
	if in[i].text != "::" && !is(in, i, "as") {
		return false
	}
	return is(in, i+1, "pg_catalog", ".") || is(in, i+1, "information_schema", ".")
}

// operator reads "schema . op )" and returns the operator and how many tokens it took.
func operator(in []token) (string, int) {
	n := 0
	for n+1 < len(in) && in[n].kind != symbol && in[n+1].text == "." {
		n += 2
	}
	if n+1 < len(in) && in[n].kind == symbol && in[n+1].text == ")" {
		return in[n].text, n + 2
	}
	return "", 0
}

// is reports whether the tokens at i are these words or symbols, in any letter case.
func is(in []token, i int, want ...string) bool {
	if i+len(want) > len(in) {
		return false
	}
	for j, w := range want {
		t := in[i+j]
		name := t.text
		if t.kind == quoted && w == "pg_catalog" {
			name = strings.Trim(name, `"`)
		}
		if t.kind == text || !strings.EqualFold(name, w) {
			return false
		}
	}
	return true
}
