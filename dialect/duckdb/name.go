package duckdb

// FoldName gives the one spelling of all that DuckDB takes for the same name: it ignores the case of the letters A to Z
// and of no others. Whoever judges a statement by its names must not equate more: "İ" in lower case is "i" elsewhere.
func FoldName(name string) string {
	for i := range len(name) {
		if upper(name[i]) {
			folded := []byte(name)
			for ; i < len(folded); i++ {
				if upper(folded[i]) {
					folded[i] |= 0x20
				}
			}
			return string(folded)
		}
	}
	return name
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
