package rewrite

import (
	"strings"

	"stead"
)

// Split cuts text into its statements, without the semicolons and without
// statements that hold only white space and comments. It fails like a statement
// would that does not end.
func Split(sql string) ([]string, error) {
	tokens, err := tokenize(sql)
	if err != nil {
		return nil, err
	}
	var out []string
	var b strings.Builder
	empty := true
	flush := func() {
		if !empty {
			out = append(out, strings.TrimSpace(b.String()))
		}
		b.Reset()
		empty = true
	}
	for _, t := range tokens {
		if t.kind == mark && t.text == ";" {
			flush()
			continue
		}
		empty = empty && t.kind == space
		b.WriteString(t.text)
	}
	flush()
	return out, nil
}

// repair writes the PostgreSQL spellings that DuckDB's parser does not read, or
// reads as something else, in its own way: OPERATOR(pg_catalog.=), types and
// collations of pg_catalog. Comments become a space: what they hold is no part
// of the statement on any reading.
func repair(tokens []token) string {
	significant := make([]token, 0, len(tokens))
	spaced := make([]bool, 0, len(tokens)) // whether white space or a comment stood before it
	gap := false
	for _, t := range tokens {
		if t.kind == space {
			gap = true
			continue
		}
		significant, spaced, gap = append(significant, t), append(spaced, gap), false
	}
	var b strings.Builder
	for i := 0; i < len(significant); {
		replacement, n := repairAt(significant[i:])
		if n == 0 {
			replacement, n = significant[i].text, 1
		} else {
			replacement = " " + replacement + " "
		}
		if spaced[i] {
			b.WriteByte(' ')
		}
		b.WriteString(replacement)
		i += n
	}
	return strings.TrimSpace(b.String())
}

func repairAt(ts []token) (string, int) {
	at := func(i int, s string) bool { return i < len(ts) && (ts[i].is(s) || ts[i].text == s) }
	switch {
	case at(0, "operator") && at(1, "(") && at(2, "pg_catalog") && at(3, ".") && len(ts) > 5 && ts[4].kind == operator && at(5, ")"):
		return ts[4].text, 6
	case at(0, "operator") && at(1, "(") && len(ts) > 3 && ts[2].kind == operator && at(3, ")"):
		return ts[2].text, 4
	case at(0, "collate") && at(1, "pg_catalog") && at(2, ".") && len(ts) > 3 && ts[3].name() == "default":
		return "", 4
	case at(0, "::") && at(1, "pg_catalog") && at(2, "."):
		return "::", 3
	}
	return "", 0
}

// bound refuses statements that cost DuckDB's parser or planner more than they
// may, before it sees them.
func bound(tokens []token, l Limits) error {
	depth, chain, longest := 0, []int{0}, 0
	for _, t := range tokens {
		switch {
		case t.kind == mark && strings.Contains("([{", t.text), t.is("case"):
			depth++
			chain = append(chain, 0)
		case t.kind == mark && strings.Contains(")]}", t.text), t.is("end"):
			if depth > 0 {
				depth--
				chain = chain[:len(chain)-1]
			}
		case t.kind == mark && t.text == ",", t.is("and"), t.is("or"), t.is("when"), t.is("then"):
			chain[len(chain)-1] = 0
		case t.kind == operator, t.is("not"), t.is("union"), t.is("except"), t.is("intersect"), t.is("join"), t.is("is"), t.is("collate"):
			chain[len(chain)-1]++
		}
		longest = max(longest, chain[len(chain)-1], depth)
		if t.kind == word || t.kind == quoted {
			if n := t.name(); strings.HasPrefix(n, reserved) {
				return stead.Errorf(stead.Denied, "names that start with %q are not available", reserved)
			}
		}
	}
	if longest > l.Depth {
		return stead.Errorf(stead.Limit, "the statement is nested more than %d deep", l.Depth).
			WithHint("split it into common table expressions")
	}
	return nil
}
