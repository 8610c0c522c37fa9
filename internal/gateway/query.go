package gateway

import (
	"context"
	"strconv"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/pgvalue"
	"stead/internal/gateway/sqlstate"
)

// simpleQuery answers a Query message: its statements one after another, until one fails.
func (c *conn) simpleQuery(text string) error {
	c.dropPortal("", nil)
	if err := c.runBatch(text); err != nil {
		if c.gone != nil {
			return c.gone
		}
		c.tx.fail()
		if ends(err) {
			return err
		}
		c.report(err)
	}
	c.afterStatements()
	c.ready()
	return c.flush()
}

// afterStatements ends what lives only until the end of an implicit transaction.
func (c *conn) afterStatements() {
	if c.tx.state != outside {
		return
	}
	for name, p := range c.portals {
		if !p.held {
			c.dropPortal(name, nil)
		}
	}
}

// ends says whether an error also ends the connection: whoever asked may not ask any more.
func ends(err error) bool {
	return stead.CodeOf(err) == stead.Unauthenticated || sqlstate.Of(err) == sqlstate.Shutdown
}

func (c *conn) runBatch(text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	parts, err := splitStatements(text)
	if err != nil {
		return err
	}
	if len(parts) > c.srv.cfg.Limits.BatchStatements {
		return sqlstate.Errorf(sqlstate.Limit, stead.Limit, "more than %d statements at once", c.srv.cfg.Limits.BatchStatements)
	}
	if len(parts) == 0 {
		c.send(&pgproto3.EmptyQueryResponse{})
	}
	for _, part := range parts {
		if err := c.runSimple(part); err != nil {
			return err
		}
	}
	return nil
}

func checkText(s string) error {
	if !utf8.ValidString(s) {
		return sqlstate.Errorf(sqlstate.NotText, stead.Invalid, "the statement is not valid UTF-8").WithHint("Set the client's encoding to UTF8.")
	}
	return nil
}

// runSimple runs one statement of a Query message and sends its whole answer in text.
func (c *conn) runSimple(text string) error {
	cmd, err := parseCommand(text)
	if err != nil {
		return err
	}
	if err := c.tx.allows(cmd); err != nil {
		return err
	}
	return c.statement(func(ctx context.Context) (int64, error) {
		in := input{}
		if q, ok := cmd.(querying); ok {
			if in.plan, err = c.plan(ctx, Query{Text: q.query(), Now: true}); err != nil {
				return 0, err
			}
			if n := len(in.plan.Params()); n > 0 {
				return 0, sqlstate.Errorf("42P02", stead.Invalid, "there is no parameter $1").
					WithHint("Parameters need a prepared statement of the protocol.")
			}
		}
		res, err := cmd.run(ctx, c, in)
		if err != nil {
			return 0, err
		}
		return c.sendWhole(ctx, res)
	})
}

func (c *conn) plan(ctx context.Context, q Query) (Plan, error) {
	q.SearchPath, q.Application = c.settings.searchPath(), c.settings.values["application_name"]
	return c.session.Plan(ctx, q)
}

// sendWhole sends a result from its row description to its tag.
func (c *conn) sendWhole(ctx context.Context, res *result) (n int64, err error) {
	if res.answer != nil {
		cols := res.answer.columns()
		formats := make([]pgvalue.Format, len(cols))
		for i := range formats {
			if res.binary {
				formats[i] = pgvalue.BinaryFormat
			}
		}
		c.send(rowDescription(cols, formats))
		n, err = c.sendRows(ctx, res.answer, res.left, formats)
		if res.owned {
			if cerr := res.answer.close(err); err == nil {
				err = cerr
			}
		}
		if err != nil {
			return n, err
		}
	}
	c.complete(res, n)
	return n, nil
}

// complete says that the command is done. An empty tag is what an empty statement gives.
func (c *conn) complete(res *result, n int64) {
	switch {
	case res.tag == "":
		c.send(&pgproto3.EmptyQueryResponse{})
	case res.count:
		c.send(&pgproto3.CommandComplete{CommandTag: []byte(res.tag + " " + strconv.FormatInt(n+res.moved, 10))})
	default:
		c.send(&pgproto3.CommandComplete{CommandTag: []byte(res.tag)})
	}
}

func rowDescription(cols []Column, formats []pgvalue.Format) *pgproto3.RowDescription {
	fields := make([]pgproto3.FieldDescription, len(cols))
	for i, col := range cols {
		fields[i] = pgproto3.FieldDescription{Name: []byte(clean(col.Name)), DataTypeOID: col.OID, DataTypeSize: col.Size,
			TypeModifier: col.Mod, Format: int16(formats[i])}
	}
	return &pgproto3.RowDescription{Fields: fields}
}

func (c *conn) warn(state, text string) {
	n := pgproto3.NoticeResponse(pgproto3.ErrorResponse{Severity: "WARNING", SeverityUnlocalized: "WARNING", Code: state, Message: clean(text)})
	c.send(&n)
}
