package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"stead/internal/gateway/duck"
)

// query is one of the statements that are compared.
type query struct {
	name    string
	schema  string
	columns []string
	wrap    string // of each column, "" for the column itself
	format  string // of the columns, the table, the row rule
	times   int    // asked in a row
	// arg draws the parameter, want is how many rows come back.
	arg  func(rows int64, governed string) int64
	want func(rows int64) int64
}

var queries = []query{
	{name: "point look-up, 10,000 rows", schema: "small", columns: pointColumns, times: 10, format: pointFormat,
		arg:  func(int64, string) int64 { return rand.Int64N(smallRows/10) * 10 },
		want: func(int64) int64 { return 1 }},
	{name: "point look-up", schema: "large", columns: pointColumns, times: 10, format: pointFormat,
		arg:  func(rows int64, _ string) int64 { return rand.Int64N(rows/10) * 10 },
		want: func(int64) int64 { return 1 }},
	{name: "aggregate of the whole table", schema: "large", columns: []string{"email", "ssn"}, wrap: "max(%s)", times: 1,
		format: "SELECT tenant, count(*), sum(amount), %s FROM %s WHERE %s AND id >= $1 GROUP BY tenant",
		arg:    func(int64, string) int64 { return 0 }},
	{name: "a tenth of the table as the result", schema: "large", columns: []string{"id", "tenant", "region", "amount", "email", "ssn"}, times: 1,
		format: "SELECT %s FROM %s WHERE %s AND id < $1",
		arg: func(rows int64, governed string) int64 {
			if governed == noPolicy {
				return rows / 10
			}
			return rows // of which the row rule leaves a tenth
		},
		want: func(rows int64) int64 { return rows / 10 }},
}

var pointColumns = []string{"id", "tenant", "amount", "email", "ssn"}

const pointFormat = "SELECT %s FROM %s WHERE %s AND id = $1"

// text is the statement over a table; column prints what stands for a column.
func (q *query) text(table, where string, column func(string) string) string {
	shown := make([]string, len(q.columns))
	for i, c := range q.columns {
		if shown[i] = column(c); q.wrap != "" {
			shown[i] = fmt.Sprintf(q.wrap, shown[i])
		}
	}
	return fmt.Sprintf(q.format, strings.Join(shown, ", "), table, where)
}

// governedText is the statement as the analyst asks it.
func (q *query) governedText(table string) string {
	text := q.text(q.schema+"."+table, "TRUE", func(name string) string { return name })
	return strings.Replace(text, "WHERE TRUE AND ", "WHERE ", 1)
}

// handText is the statement of the same meaning for the engine itself.
func (q *query) handText(governed string) string {
	column, where := byHand(governed)
	text := q.text(duck.Relation([]string{q.schema, "plain"}), where, column)
	return strings.Replace(text, "WHERE TRUE AND ", "WHERE ", 1)
}

// drain reads every value and counts the rows.
func drain(rows *duck.Rows) (n int64, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	sum := int64(0)
	for {
		size, err := rows.Next()
		if err != nil || size == 0 {
			return n, err
		}
		for c, col := range rows.Columns() {
			v := rows.Column(c)
			for i := range size {
				switch {
				case v.Null(i):
				case col.Type.ID == duck.Varchar:
					sum += int64(len(v.Bytes(i)))
				case col.Type.ID == duck.HugeInt || col.Type.ID == duck.Decimal:
					if _, ok := v.DecimalSmall(i); !ok {
						sum++
					}
				default:
					sum += v.Int(i)
				}
			}
		}
		n += int64(size)
	}
}

// client is one connection to the gateway.
type client struct{ conn *pgconn.PgConn }

func dial(ctx context.Context, address, key string) (*client, error) {
	conn, err := pgconn.Connect(ctx, "postgres://"+url.UserPassword(analyst, key).String()+"@"+address+"/lake?sslmode=disable")
	if err != nil {
		return nil, err
	}
	return &client{conn}, nil
}

func (c *client) prepare(ctx context.Context, name, text string) error {
	_, err := c.conn.Prepare(ctx, name, text, []uint32{20})
	return err
}

// prepared executes a prepared statement and reads its rows in binary.
func (c *client) prepared(ctx context.Context, name string, arg int64) (int64, error) {
	return count(c.conn.ExecPrepared(ctx, name, [][]byte{binary.BigEndian.AppendUint64(nil, uint64(arg))}, []int16{1}, []int16{1}))
}

// once sends a statement that was never asked before, as clients that write values into the text do.
func (c *client) once(ctx context.Context, text string, arg int64) (int64, error) {
	text = strings.Replace(text, "$1", fmt.Sprint(arg), 1) + fmt.Sprintf(" -- %d", rand.Uint64())
	return count(c.conn.ExecParams(ctx, text, nil, nil, nil, []int16{1}))
}

func count(r *pgconn.ResultReader) (n int64, err error) {
	for r.NextRow() {
		n++
	}
	_, err = r.Close()
	return n, err
}
