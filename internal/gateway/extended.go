package gateway

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/pgvalue"
	"stead/internal/gateway/sqlstate"
)

// prepared is a statement of the extended protocol. Its plan holds no right.
type prepared struct {
	cmd    command
	plan   Plan // nil for commands without a query
	params []uint32
	cols   []Column // of the query
}

// portal is a bound statement or an SQL cursor.
type portal struct {
	stmt    *prepared
	args    []Arg
	cols    []Column         // as described to the client, nil before
	formats []pgvalue.Format // as asked for: none, one for all, or one each
	res     *result          // nil until first executed
	sent    int64
	cursor  bool
	held    bool // survives the transaction
	inside  bool // made in the running transaction
	binary  bool // DECLARE ... BINARY
}

// extended answers one message of the extended protocol.
func (c *conn) extended(msg pgproto3.FrontendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.Parse:
		return c.parse(m)
	case *pgproto3.Bind:
		return c.bind(m)
	case *pgproto3.Describe:
		return c.describe(m)
	case *pgproto3.Execute:
		return c.execute(m)
	case *pgproto3.Close:
		return c.closeMessage(m)
	case *pgproto3.FunctionCall:
		return sqlstate.Unsupportedf("function calls of the protocol are not offered")
	}
	return sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "unexpected message")
}

// failExtended reports an error at once, since a client may wait for it without a Sync, and
// skips everything until Sync.
func (c *conn) failExtended(err error) error {
	if c.gone != nil {
		return c.gone
	}
	c.tx.fail()
	if ends(err) {
		return err
	}
	c.skipped = true
	c.report(err)
	return c.flush()
}

func (c *conn) sync() error {
	c.skipped = false
	c.afterStatements()
	c.ready()
	return c.flush()
}

func (c *conn) parse(m *pgproto3.Parse) error {
	if m.Name != "" && c.statements[m.Name] != nil {
		return sqlstate.Errorf(sqlstate.DuplicateStatement, stead.Conflict, "prepared statement %q already exists", m.Name)
	}
	if m.Name == "" {
		delete(c.statements, "")
	}
	if len(c.statements) >= c.srv.cfg.Limits.Statements {
		return sqlstate.Errorf(sqlstate.Limit, stead.Limit, "more than %d prepared statements", c.srv.cfg.Limits.Statements).
			WithHint("Close statements that are not used, or send DEALLOCATE ALL.")
	}
	if err := checkText(m.Query); err != nil {
		return err
	}
	parts, err := splitStatements(m.Query)
	if err != nil {
		return err
	}
	if len(parts) > 1 {
		return syntaxf("cannot insert multiple commands into a prepared statement")
	}
	st := &prepared{cmd: emptyCommand{}, params: slices.Clone(m.ParameterOIDs)}
	if len(parts) == 1 {
		if st.cmd, err = parseCommand(parts[0]); err != nil {
			return err
		}
	}
	if err := c.tx.allows(st.cmd); err != nil {
		return err
	}
	if q, ok := st.cmd.(querying); ok {
		err := c.statement(func(ctx context.Context) (int64, error) {
			if st.plan, err = c.plan(ctx, Query{Text: q.query(), Params: st.params}); err == nil {
				st.cols, err = st.plan.Columns(ctx)
			}
			return 0, err
		})
		if err != nil {
			return err
		}
		st.params = st.plan.Params()
	} else {
		st.params = nil
	}
	c.statements[m.Name] = st
	c.send(&pgproto3.ParseComplete{})
	return nil
}

func (c *conn) prepared(name string) (*prepared, error) {
	if st := c.statements[name]; st != nil {
		return st, nil
	}
	return nil, sqlstate.Errorf(sqlstate.NoStatement, stead.NotFound, "prepared statement %q does not exist", name)
}

func (c *conn) bind(m *pgproto3.Bind) error {
	st, err := c.prepared(m.PreparedStatement)
	if err != nil {
		return err
	}
	if err := c.tx.allows(st.cmd); err != nil {
		return err
	}
	if m.DestinationPortal == "" {
		c.dropPortal("", nil)
	} else if c.portals[m.DestinationPortal] != nil {
		return sqlstate.Errorf(sqlstate.DuplicateCursor, stead.Conflict, "portal %q already exists", m.DestinationPortal)
	}
	if err := c.portalLimit(); err != nil {
		return err
	}
	if n := len(m.Parameters); n > 0 && len(m.Parameters) != len(st.params) && st.plan == nil {
		return sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "the statement takes no parameters, %d were given", n)
	}
	args, err := pgvalue.Args(st.params, m.ParameterFormatCodes, m.Parameters)
	if err != nil {
		return err
	}
	formats := make([]pgvalue.Format, len(m.ResultFormatCodes))
	for i, f := range m.ResultFormatCodes {
		if formats[i] = pgvalue.Format(f); f != 0 && f != 1 {
			return sqlstate.Errorf(sqlstate.BadParameter, stead.Invalid, "unsupported format code %d", f)
		}
	}
	c.portals[m.DestinationPortal] = &portal{stmt: st, args: args, formats: formats, inside: c.tx.state == inside}
	c.send(&pgproto3.BindComplete{})
	return nil
}

func (c *conn) portalLimit() error {
	if len(c.portals) >= c.srv.cfg.Limits.Portals {
		return sqlstate.Errorf(sqlstate.Limit, stead.Limit, "more than %d open portals", c.srv.cfg.Limits.Portals).WithHint("Close portals that are not used.")
	}
	return nil
}

// spread gives each column its format.
func spread(formats []pgvalue.Format, n int) ([]pgvalue.Format, error) {
	switch len(formats) {
	case 0:
		return make([]pgvalue.Format, n), nil
	case 1:
		return slices.Repeat(formats, n), nil
	case n:
		return formats, nil
	}
	return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "the portal has %d result formats and the query has %d columns", len(formats), n)
}

func (c *conn) describe(m *pgproto3.Describe) error {
	if m.ObjectType == 'S' {
		st, err := c.prepared(m.Name)
		if err != nil {
			return err
		}
		c.send(&pgproto3.ParameterDescription{ParameterOIDs: st.params})
		cols, err := st.columns(c)
		if err != nil {
			return err
		}
		return c.describeColumns(cols, nil)
	}
	p := c.portals[m.Name]
	if p == nil {
		return sqlstate.Errorf(sqlstate.NoCursor, stead.NotFound, "portal %q does not exist", m.Name)
	}
	cols, err := p.columns(c)
	if err != nil {
		return err
	}
	p.cols = cols
	return c.describeColumns(cols, p.formats)
}

func (c *conn) describeColumns(cols []Column, formats []pgvalue.Format) error {
	if cols == nil {
		c.send(&pgproto3.NoData{})
		return nil
	}
	each, err := spread(formats, len(cols))
	if err != nil {
		return err
	}
	c.send(rowDescription(cols, each))
	return nil
}

// columns are those of the plan where the statement is the query itself.
func (st *prepared) columns(c *conn) ([]Column, error) {
	if _, ok := st.cmd.(queryCommand); ok {
		return st.cols, nil
	}
	return st.cmd.columns(c)
}

func (p *portal) columns(c *conn) ([]Column, error) {
	if p.cursor && p.res != nil {
		return p.res.answer.columns(), nil
	}
	return p.stmt.columns(c)
}

func (c *conn) execute(m *pgproto3.Execute) error {
	p := c.portals[m.Portal]
	if p == nil || p.cursor {
		return sqlstate.Errorf(sqlstate.NoCursor, stead.NotFound, "portal %q does not exist", m.Portal)
	}
	if err := c.tx.allows(p.stmt.cmd); err != nil {
		return err
	}
	return c.statement(func(ctx context.Context) (int64, error) {
		if err := c.start(ctx, p); err != nil {
			return 0, err
		}
		return c.resume(ctx, p, int64(m.MaxRows))
	})
}

// start runs the portal's command the first time. When the portal goes on later it is asked
// again whether the asker may still see what it shows.
func (c *conn) start(ctx context.Context, p *portal) error {
	if p.res != nil {
		if p.res.answer == nil || p.res.answer.rows == nil {
			return nil
		}
		return p.res.answer.rows.Check(ctx)
	}
	if c.open >= c.srv.cfg.Limits.OpenAnswers {
		return errOpenAnswers(c)
	}
	res, err := p.stmt.cmd.run(ctx, c, input{plan: p.stmt.plan, args: p.args})
	if err != nil {
		return err
	}
	p.res = res
	if res.answer == nil {
		return nil
	}
	if res.owned {
		c.open++
	}
	want := p.cols
	if want == nil && p.stmt.plan != nil {
		if _, ok := p.stmt.cmd.(queryCommand); ok {
			want = p.stmt.cols
		}
	}
	if want != nil && !slices.Equal(want, res.answer.columns()) {
		return sqlstate.Unsupportedf("the columns of the prepared statement changed").WithHint("Prepare the statement again.")
	}
	return nil
}

func errOpenAnswers(c *conn) error {
	return sqlstate.Errorf(sqlstate.Limit, stead.Limit, "more than %d answers are open in this connection", c.srv.cfg.Limits.OpenAnswers).
		WithHint("Read them to the end, or close their portals and cursors.")
}

// resume sends the next rows of a portal; limit 0 means all.
func (c *conn) resume(ctx context.Context, p *portal, limit int64) (int64, error) {
	res := p.res
	if res.answer == nil {
		c.complete(res, 0)
		return 0, nil
	}
	if res.answer.rows == nil { // read to its end before
		c.complete(res, 0)
		return 0, nil
	}
	formats, err := spread(p.formats, len(res.answer.columns()))
	if err != nil {
		return 0, err
	}
	n, more := res.left, limit > 0 && (res.left < 0 || limit < res.left)
	if more {
		n = limit
	}
	n, err = c.sendRows(ctx, res.answer, n, formats)
	p.sent += n
	if res.left >= 0 {
		res.left -= n
	}
	if err != nil {
		return n, c.finish(p, err)
	}
	if more && n == limit && !res.answer.ended {
		c.send(&pgproto3.PortalSuspended{})
		return n, nil
	}
	if err := c.finish(p, nil); err != nil {
		return n, err
	}
	c.complete(res, n)
	return n, nil
}

// finish gives back what a portal's answer holds and returns the error that the client gets.
func (c *conn) finish(p *portal, err error) error {
	if p.res == nil || p.res.answer == nil || !p.res.owned || p.res.answer.rows == nil {
		return err
	}
	c.open--
	if cerr := p.res.answer.close(err); err == nil {
		return cerr
	}
	return err
}

// dropPortal forgets a portal; err says why it ended early, nil that the client had enough.
func (c *conn) dropPortal(name string, err error) {
	p := c.portals[name]
	if p == nil {
		return
	}
	delete(c.portals, name)
	if cerr := c.finish(p, err); cerr != nil && err == nil {
		c.logCause(cerr)
	}
}

// dropPortals forgets every portal and cursor, because somebody else is asking from now on.
func (c *conn) dropPortals() {
	for name := range c.portals {
		c.dropPortal(name, nil)
	}
}

func (c *conn) closeMessage(m *pgproto3.Close) error {
	if m.ObjectType == 'S' {
		delete(c.statements, m.Name)
	} else {
		c.dropPortal(m.Name, nil)
	}
	c.send(&pgproto3.CloseComplete{})
	return nil
}
