package rewrite

// nameSubqueries names what a SELECT gives without a name where a sub-query is in it. DuckDB would name it by its text, and
// that text is the governed one: row rules, masks and their keys.
func nameSubqueries(items []any) {
	for _, item := range items {
		e := object(item)
		if str(e, "alias") == "" && str(e, "class") != "STAR" && hasSubquery(e) {
			e["alias"] = "?column?"
		}
	}
}

func hasSubquery(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if hasSubquery(e) {
				return true
			}
		}
	case tree:
		if str(v, "class") == "SUBQUERY" {
			return true
		}
		for _, e := range v {
			if hasSubquery(e) {
				return true
			}
		}
	}
	return false
}
