//go:build leak

package rewrite_test

// full makes the throw scan run over 300,000 rows and every expression, as each change
// of DuckDB's version needs (make test-leak).
const full = true
