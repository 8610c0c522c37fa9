package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/pgvalue"
	"stead/internal/gateway/sqlstate"
)

// copyCommand sends a governed query as COPY data.
type copyCommand struct {
	text   string // the query
	format string // "text", "csv", "binary"
	header bool
	delim  byte
	null   string
	quote  byte
	escape byte
	force  bool // FORCE_QUOTE *
}

func (copyCommand) columns(*conn) ([]Column, error) { return nil, nil }
func (k copyCommand) query() string                 { return k.text }

func (k copyCommand) run(ctx context.Context, c *conn, in input) (*result, error) {
	rows, err := in.plan.Execute(ctx, in.args)
	if err != nil {
		return nil, err
	}
	a := c.newAnswer(rows)
	n, err := k.send(ctx, c, a)
	if cerr := a.close(err); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	c.send(&pgproto3.CopyDone{})
	return &result{tag: "COPY", count: true, moved: n}, nil
}

func (k copyCommand) send(ctx context.Context, c *conn, a *answer) (int64, error) {
	cols := a.columns()
	format := pgvalue.TextFormat
	if k.format == "binary" {
		format = pgvalue.BinaryFormat
	}
	codes := make([]uint16, len(cols))
	for i := range codes {
		codes[i] = uint16(format)
	}
	c.send(&pgproto3.CopyOutResponse{OverallFormat: byte(format), ColumnFormatCodes: codes})
	var head []byte // goes with the first row: clients take each message for one row
	if format == pgvalue.BinaryFormat {
		head = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	} else if k.header {
		c.send(&pgproto3.CopyData{Data: k.headerLine(cols)})
	}
	var cell []byte
	n, err := a.each(ctx, -1, func(chunk Chunk, row int) (int, error) {
		from := len(c.out)
		out := append(c.out, 'd', 0, 0, 0, 0)
		if format == pgvalue.BinaryFormat {
			out = binary.BigEndian.AppendUint16(append(out, head...), uint16(len(cols)))
			head = nil
		}
		for col := range cols {
			var ok bool
			var err error
			if cell, ok, err = chunk.Append(cell[:0], col, row, format); err != nil {
				return 0, err
			}
			out = k.cell(out, cell, ok, col, len(cols))
		}
		if format == pgvalue.TextFormat {
			out = append(out, '\n')
		}
		put32(out[from+1:], int32(len(out)-from-1))
		c.out = out
		return len(out) - from, c.full(ctx)
	})
	if err == nil && format == pgvalue.BinaryFormat {
		c.send(&pgproto3.CopyData{Data: append(head, 0xff, 0xff)})
	}
	return n, err
}

func (k copyCommand) cell(out, cell []byte, ok bool, col, of int) []byte {
	if k.format == "binary" {
		if !ok {
			return append(out, 0xff, 0xff, 0xff, 0xff)
		}
		return append(binary.BigEndian.AppendUint32(out, uint32(len(cell))), cell...)
	}
	if col > 0 {
		out = append(out, k.delim)
	}
	switch {
	case !ok:
		return append(out, k.null...)
	case k.format == "csv":
		return k.csvCell(out, cell, k.force, of == 1)
	default:
		return k.textCell(out, cell)
	}
}

func (k copyCommand) textCell(out, cell []byte) []byte {
	for _, b := range cell {
		switch b {
		case '\n':
			out = append(out, '\\', 'n')
		case '\r':
			out = append(out, '\\', 'r')
		case '\t':
			out = append(out, '\\', 't')
		case '\b':
			out = append(out, '\\', 'b')
		case '\f':
			out = append(out, '\\', 'f')
		case '\v':
			out = append(out, '\\', 'v')
		default:
			if b == '\\' || b == k.delim {
				out = append(out, '\\')
			}
			out = append(out, b)
		}
	}
	return out
}

// csvCell quotes what would be read back differently: also the text that stands for NULL, and a
// lone \. that would end the data.
func (k copyCommand) csvCell(out, cell []byte, force, alone bool) []byte {
	if !force && string(cell) != k.null && !bytes.ContainsAny(cell, string([]byte{k.delim, k.quote})+"\n\r") && !(alone && string(cell) == `\.`) {
		return append(out, cell...)
	}
	out = append(out, k.quote)
	for _, b := range cell {
		if b == k.quote || b == k.escape {
			out = append(out, k.escape)
		}
		out = append(out, b)
	}
	return append(out, k.quote)
}

func (k copyCommand) headerLine(cols []Column) []byte {
	var line []byte
	for i, col := range cols {
		if i > 0 {
			line = append(line, k.delim)
		}
		if k.format == "csv" {
			line = k.csvCell(line, []byte(col.Name), false, len(cols) == 1)
		} else {
			line = k.textCell(line, []byte(col.Name))
		}
	}
	return append(line, '\n')
}

// parseCopy reads COPY (query) TO STDOUT and COPY table [(columns)] TO STDOUT.
func parseCopy(p *parser) (command, error) {
	p.advance()
	k := copyCommand{format: "text"}
	p.accept("binary") // the oldest syntax; the option says it again
	var err error
	if p.tok.mark("(") {
		k.text, err = p.copyQuery()
	} else {
		k.text, err = p.copyTable()
	}
	if err != nil {
		return nil, err
	}
	if p.tok.is("from") {
		return nil, sqlstate.Errorf(sqlstate.Unsupported, stead.Unsupported, "COPY FROM is not offered").WithHint("The gateway only reads.")
	}
	if !p.accept("to") {
		return nil, p.unexpected()
	}
	if !p.accept("stdout") {
		return nil, sqlstate.Unsupportedf("COPY writes to STDOUT only").WithHint(`Use COPY ... TO STDOUT, or \copy in psql.`)
	}
	if err := p.copyOptions(&k); err != nil {
		return nil, err
	}
	return k, k.finish()
}

// copyQuery reads the query between the parentheses.
func (p *parser) copyQuery() (string, error) {
	from, depth := p.tok.to, 0
	for {
		switch {
		case p.tok.mark("("):
			depth++
		case p.tok.mark(")"):
			if depth--; depth == 0 {
				text := p.src[from:p.tok.from]
				p.advance()
				return text, nil
			}
		case p.tok.kind == endToken || p.tok.kind == badToken:
			return "", p.unexpected()
		}
		p.advance()
	}
}

// copyTable turns a table and its columns into a query, in the words of the client.
func (p *parser) copyTable() (string, error) {
	from := p.tok.from
	if _, err := p.name(); err != nil {
		return "", err
	}
	to := p.tok.from
	for p.acceptMark(".") {
		if _, err := p.name(); err != nil {
			return "", err
		}
		to = p.tok.from
	}
	table := strings.TrimSpace(p.src[from:to])
	if !p.tok.mark("(") {
		return "SELECT * FROM " + table, nil
	}
	p.advance()
	first := p.tok.from
	for {
		if _, err := p.name(); err != nil {
			return "", err
		}
		if p.tok.mark(")") {
			columns := p.src[first:p.tok.from]
			p.advance()
			return "SELECT " + columns + " FROM " + table, nil
		}
		if !p.acceptMark(",") {
			return "", p.unexpected()
		}
	}
}

func (p *parser) copyOptions(k *copyCommand) error {
	p.accept("with")
	if !p.acceptMark("(") {
		for p.tok.kind != endToken { // the syntax before 9.0
			if err := p.oldOption(k); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		name, err := p.name()
		if err != nil {
			return err
		}
		if err := p.copyOption(k, name); err != nil {
			return err
		}
		if p.acceptMark(")") {
			return p.end()
		}
		if !p.acceptMark(",") {
			return p.unexpected()
		}
	}
}

func (p *parser) oldOption(k *copyCommand) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	switch name {
	case "csv", "binary":
		k.format = name
		return nil
	case "delimiter", "null", "quote", "escape":
		p.accept("as")
	case "header":
		k.header = true
		return nil
	case "force":
		if !p.accept("quote") || !p.acceptMark("*") {
			return p.unexpected()
		}
		k.force = true
		return nil
	}
	return p.copyOption(k, name)
}

func (p *parser) copyOption(k *copyCommand, name string) error {
	if name == "force_quote" {
		if !p.acceptMark("*") {
			return sqlstate.Unsupportedf("FORCE_QUOTE with a list of columns is not offered").WithHint("Use FORCE_QUOTE *.")
		}
		k.force = true
		return nil
	}
	value, given := "", false
	if p.tok.kind == wordToken || p.tok.kind == nameToken || p.tok.kind == textToken || p.tok.kind == numberToken {
		value, given = p.advance().text, true
	}
	one := func(dst *byte) error {
		if len(value) != 1 || value == "\n" || value == "\r" || value == "\x00" {
			return sqlstate.Errorf(sqlstate.BadParameter, stead.Invalid, "COPY %s must be a single one-byte character", name)
		}
		*dst = value[0]
		return nil
	}
	switch name {
	case "format":
		k.format = strings.ToLower(value)
		return nil
	case "header":
		b, ok := boolean(value)
		k.header = !given || b == "on"
		if given && !ok {
			return syntaxf("header requires a Boolean value")
		}
		return nil
	case "delimiter":
		return one(&k.delim)
	case "quote":
		return one(&k.quote)
	case "escape":
		return one(&k.escape)
	case "null":
		k.null = "\x00" + value // marks that it was given
		return nil
	case "encoding":
		if _, ok := encoding(value); ok {
			return nil
		}
	}
	return sqlstate.Unsupportedf("COPY option %q is not offered", name)
}

// finish fills in what was not given.
func (k *copyCommand) finish() error {
	null, given := strings.CutPrefix(k.null, "\x00")
	k.null = null
	switch k.format {
	case "text":
		if k.delim == 0 {
			k.delim = '\t'
		}
		if !given {
			k.null = `\N`
		}
	case "csv":
		if k.delim == 0 {
			k.delim = ','
		}
		if k.quote == 0 {
			k.quote = '"'
		}
		if k.escape == 0 {
			k.escape = k.quote
		}
	case "binary":
	default:
		return sqlstate.Errorf(sqlstate.BadParameter, stead.Invalid, "COPY format %q not recognized", k.format).WithHint("Use text, csv or binary.")
	}
	if strings.ContainsAny(k.null, "\r\n") {
		return sqlstate.Errorf(sqlstate.BadParameter, stead.Invalid, "COPY null representation cannot use newline or carriage return")
	}
	return nil
}
