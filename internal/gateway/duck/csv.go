package duck

import (
	"context"
	"fmt"
)

// csvForm is how a CSV file is written, found out once: reading with these given costs
// a tenth of finding them out again with every statement.
type csvForm struct {
	delim, quote, escape, comment string
	skip                          int64
	header                        bool
	date, timestamp               string
}

// sniff finds out how a CSV file is written.
func (e *Engine) sniff(ctx context.Context, file string) (*csvForm, error) {
	rows, err := e.admin.Query(ctx, `SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, DateFormat, TimestampFormat FROM system.main.sniff_csv(`+quoted(file)+`)`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	n, err := rows.Next()
	if err != nil {
		return nil, err
	}
	if n != 1 {
		return nil, &Error{Kind: "invalid input", Text: "the form of the file could not be found out"}
	}
	text := func(i int) string {
		c := rows.Column(i)
		if c.Null(0) || c.Text(0) == "(empty)" {
			return ""
		}
		return c.Text(0)
	}
	return &csvForm{text(0), text(1), text(2), text(3), rows.Column(4).Int(0), rows.Column(5).Bool(0), text(6), text(7)}, nil
}

func (t *table) options() string {
	opts := fmt.Sprintf(", hive_partitioning = %v", t.files.hive)
	if t.files.format == parquet || len(t.files.paths) == 1 {
		return opts
	}
	return opts + ", union_by_name = true"
}

func (f *csvForm) options() string {
	s := fmt.Sprintf(", delim = %s, quote = %s, escape = %s, comment = %s, skip = %d, header = %v",
		quoted(f.delim), quoted(f.quote), quoted(f.escape), quoted(f.comment), f.skip, f.header)
	if f.date != "" {
		s += ", dateformat = " + quoted(f.date)
	}
	if f.timestamp != "" {
		s += ", timestampformat = " + quoted(f.timestamp)
	}
	return s
}
