package wiretest

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// State returns the SQLSTATE that the server gave.
func State(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	if err == nil {
		return ""
	}
	return "no server error: " + err.Error()
}

// Ask runs a batch by the simple protocol and returns its rows and tags as lines.
func Ask(t *testing.T, c *pgconn.PgConn, sql string) (string, error) {
	t.Helper()
	var lines []string
	results, err := c.Exec(t.Context(), sql).ReadAll()
	for _, r := range results {
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = string(cell)
				if cell == nil {
					cells[i] = "NULL"
				}
			}
			lines = append(lines, strings.Join(cells, "|"))
		}
		if r.CommandTag.String() != "" {
			lines = append(lines, "["+r.CommandTag.String()+"]")
		}
	}
	return strings.Join(lines, " "), err
}
