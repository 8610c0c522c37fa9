package cli

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// printer prints one result while it comes in.
type printer func(*pgconn.ResultReader) error

func (e *env) resultPrinter() (printer, error) {
	switch e.output {
	case "json":
		return e.printResultJSON, nil
	case "csv":
		return e.printResultCSV, nil
	}
	return e.printResultTable, nil
}

// lookahead is how many rows decide the widths of a table's columns; those after may be wider.
const lookahead = 500

func (e *env) printResultTable(r *pgconn.ResultReader) error {
	header := fieldNames(r)
	if len(header) == 0 {
		return e.printTag(r)
	}
	out := bufio.NewWriter(e.out)
	t := newTableWriter(out, header)
	var waiting [][]string
	rows := 0
	release := func() error {
		for _, w := range waiting {
			if err := t.line(w); err != nil {
				return err
			}
		}
		waiting = nil
		return nil
	}
	for r.NextRow() {
		row := texts(r.Values(), "NULL")
		rows++
		if rows <= lookahead {
			if waiting == nil {
				waiting = append(waiting, header)
			}
			t.measure(row)
			waiting = append(waiting, row)
			continue
		}
		if err := release(); err != nil {
			return err
		}
		if err := t.line(row); err != nil {
			return err
		}
	}
	if _, err := r.Close(); err != nil {
		return err
	}
	if rows == 0 {
		waiting = [][]string{header}
	}
	if err := release(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "(%s)\n", counted(rows, "row")); err != nil {
		return err
	}
	return out.Flush()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (e *env) printTag(r *pgconn.ResultReader) error {
	tag, err := r.Close()
	if err == nil {
		_, err = fmt.Fprintln(e.out, tag.String())
	}
	return err
}

func (e *env) printResultCSV(r *pgconn.ResultReader) error {
	header := fieldNames(r)
	if len(header) == 0 {
		_, err := r.Close()
		return err
	}
	w := csv.NewWriter(e.out)
	if err := w.Write(header); err != nil {
		return err
	}
	for r.NextRow() {
		if err := w.Write(texts(r.Values(), "")); err != nil {
			return err
		}
	}
	_, err := r.Close()
	w.Flush()
	if err == nil {
		err = w.Error()
	}
	return err
}

// printResultJSON prints {"columns":[...],"rows":[[...],...]}: arrays, since names of columns may repeat.
func (e *env) printResultJSON(r *pgconn.ResultReader) error {
	fields := r.FieldDescriptions()
	oids := make([]uint32, len(fields))
	for i, f := range fields {
		oids[i] = f.DataTypeOID
	}
	names, err := json.Marshal(append([]string{}, fieldNames(r)...))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(e.out)
	fmt.Fprintf(out, `{"columns":%s,"rows":[`, names)
	for first := true; r.NextRow(); first = false {
		row := make([]json.RawMessage, len(oids))
		for i, v := range r.Values() {
			if row[i], err = jsonValue(v, oids[i]); err != nil {
				return err
			}
		}
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		separator := ",\n"
		if first {
			separator = "\n"
		}
		if _, err := out.WriteString(separator + string(line)); err != nil {
			return err
		}
	}
	if _, err := r.Close(); err != nil {
		return err
	}
	fmt.Fprintln(out, "]}")
	return out.Flush()
}

// The types of PostgreSQL whose text is a JSON number, and the boolean and JSON types.
const (
	oidBool, oidInt8, oidInt2, oidInt4, oidOID = 16, 20, 21, 23, 26
	oidFloat4, oidFloat8, oidNumeric           = 700, 701, 1700
	oidJSON, oidJSONB                          = 114, 3802
)

func jsonValue(v []byte, oid uint32) (json.RawMessage, error) {
	if v == nil {
		return json.RawMessage("null"), nil
	}
	switch oid {
	case oidBool:
		if string(v) == "t" {
			return json.RawMessage("true"), nil
		}
		return json.RawMessage("false"), nil
	case oidInt2, oidInt4, oidInt8, oidOID, oidFloat4, oidFloat8, oidNumeric, oidJSON, oidJSONB:
		if json.Valid(v) { // not NaN and Infinity
			return json.RawMessage(append([]byte(nil), v...)), nil
		}
	}
	return json.Marshal(strings.ToValidUTF8(string(v), "\uFFFD"))
}

func fieldNames(r *pgconn.ResultReader) []string {
	var out []string
	for _, f := range r.FieldDescriptions() {
		out = append(out, string(f.Name))
	}
	return out
}

func texts(values [][]byte, null string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		if out[i] = string(v); v == nil {
			out[i] = null
		}
	}
	return out
}
