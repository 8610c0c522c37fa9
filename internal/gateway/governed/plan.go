package governed

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/pgvalue"
	"stead/internal/gateway/rewrite"
	"stead/internal/gateway/sqlstate"
	"stead/internal/session"
	"stead/policy/expr"
)

// plan is a statement of one session, planned for the asker as they were then.
type plan struct {
	desk   *desk
	query  gateway.Query
	fresh  *session.Statement // of Plan, for the Execute that follows at once
	served *served
	plan   *rewrite.Plan
	sql    string
	data   string // versions of what the leaves read
	params []uint32
	cols   []gateway.Column
	// decided is what was decided for this asker now. A plan may have been made for another one who sees the same for other reasons.
	decided map[stead.SourceID]*stead.Decision
}

// make plans for the asker of st.
func (p *plan) make(ctx context.Context, st *session.Statement) (err error) {
	d := p.desk
	c, ok := st.World.Connection(d.connection)
	if !ok {
		return stead.Errorf(stead.NotFound, "connection %q is not known", d.connection)
	}
	if p.served, err = d.g.Engines.engine(ctx, c); err != nil {
		return err
	}
	p.decided = map[stead.SourceID]*stead.Decision{}
	resolve := d.resolve(st, p.query.SearchPath, p.served)
	p.plan, err = d.g.Rewriter.Plan(ctx, p.query.Text, p.query.Params, func(path []string) (rewrite.Source, error) {
		s, err := resolve(path)
		if err == nil && s.Decision.Source != nil {
			p.decided[s.Decision.Source.ID] = &s.Decision
		}
		return s, err
	})
	if err != nil {
		return p.asCatalogue(ctx, st, err)
	}
	if p.plan.Catalogue {
		return p.makeCatalogue(ctx, st)
	}
	p.sql = p.plan.SQL
	p.params = make([]uint32, len(p.plan.Parameters))
	for i, param := range p.plan.Parameters {
		if p.params[i] = pgtype.Of(dialect.ParseType(param.Type)).OID; i < len(p.query.Params) && p.query.Params[i] != 0 {
			p.params[i] = p.query.Params[i]
		}
	}
	for _, l := range p.plan.Leaves {
		version, err := p.served.ready(ctx, l.Decision.Source)
		if err != nil {
			if stead.CodeOf(err) == stead.Conflict && p.desk.g.Drifted != nil {
				p.desk.g.Drifted(context.WithoutCancel(ctx), l.Decision.Object, stead.AsError(err).Message)
			}
			return err
		}
		p.data += version + "\x00"
	}
	return nil
}

// asCatalogue tries a statement that the rewriter of data refuses in the catalogue, whose queries
// use more of the language than data may meet. There is nothing hidden there to be met: a
// statement that names anything else keeps its refusal.
func (p *plan) asCatalogue(ctx context.Context, st *session.Statement, refusal error) error {
	switch text := strings.ToLower(p.query.Text); {
	case !strings.Contains(text, "pg_") && !strings.Contains(text, "information_schema"):
		return refusal
	case stead.CodeOf(refusal) != stead.Unsupported && stead.CodeOf(refusal) != stead.Denied && stead.CodeOf(refusal) != stead.Invalid:
		return refusal
	}
	p.plan = &rewrite.Plan{Catalogue: true, SQL: p.query.Text}
	if err := p.makeCatalogue(ctx, st); err != nil {
		p.plan = nil
		return refusal
	}
	return nil
}

// makeCatalogue plans a statement over the catalogue of what the asker may see. The schema is
// held only while a statement runs in it: Execute makes the plan again.
func (p *plan) makeCatalogue(ctx context.Context, st *session.Statement) error {
	schema, err := p.desk.g.Catalogue.Snapshot(ctx, p.desk.catalogueSet(st, p.query.SearchPath))
	if err != nil {
		return err
	}
	defer schema.Release()
	if p.sql, err = schema.Rewrite(ctx, p.query.Text, p.query.Params); err != nil {
		return err
	}
	conn, err := p.desk.g.Catalogue.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stmt, err := conn.Prepare(p.sql)
	if err != nil {
		return catalog.Error(err)
	}
	defer stmt.Close()
	p.cols = catalogueColumns(stmt.Columns())
	p.params = make([]uint32, stmt.Params())
	for i := range p.params {
		if i < len(p.query.Params) && p.query.Params[i] != 0 {
			p.params[i] = p.query.Params[i]
		} else if p.params[i] = catalogueType(pgvalue.TypeOf(stmt.ParamType(i)).OID); stmt.ParamType(i).ID == duck.Invalid {
			p.params[i] = pgtype.Text
		}
	}
	return nil
}

// Params implements gateway.Plan.
func (p *plan) Params() []uint32 { return p.params }

// Columns implements gateway.Plan. Copies are made without rows for it.
func (p *plan) Columns(ctx context.Context) (cols []gateway.Column, err error) {
	if p.cols != nil {
		return p.cols, nil
	}
	c, err := p.desk.take(ctx, p.served)
	if err != nil {
		return nil, err
	}
	defer func() {
		if ctx.Err() != nil {
			c.served = nil // an interruption may still be on its way to it
		}
		if gerr := p.desk.give(c); err == nil {
			err = gerr
		}
	}()
	if p.keeps() {
		k, err := c.prepare(p)
		if err != nil {
			return nil, p.engineError(ctx, err)
		}
		p.cols = k.cols
		return p.cols, nil
	}
	for _, k := range p.plan.Copies {
		if _, err := c.conn.Exec(ctx, k.Fill+" WITH NO DATA", make([]any, len(k.Bind))...); err != nil {
			return nil, p.engineError(ctx, err)
		}
		defer func() {
			if _, err := c.conn.Exec(context.WithoutCancel(ctx), k.Drop); err != nil {
				c.served = nil // not to be used again
			}
		}()
	}
	stmt, err := c.conn.Prepare(p.sql)
	if err != nil {
		return nil, p.engineError(ctx, err)
	}
	defer stmt.Close()
	p.cols = columnsOf(stmt.Columns())
	return p.cols, nil
}

// take gives a connection to the engine: the session's spare one, or another.
func (d *desk) take(ctx context.Context, s *served) (*engineConn, error) {
	if c := d.spare; c != nil {
		d.spare = nil
		if c.served == s {
			return c, nil
		}
		if err := c.close(); err != nil {
			return nil, err
		}
	}
	conn, err := s.engine.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &engineConn{conn: conn, served: s}, nil
}

// give puts a connection back for the session's next statement, or closes it. One that may hold
// something of a statement is always closed.
func (d *desk) give(c *engineConn) error {
	if c.served != nil && d.spare == nil {
		d.spare = c
		return nil
	}
	return c.close()
}

// refused records why a statement was refused before it ran.
func (p *plan) refused(ctx context.Context, st *session.Statement, err error) error {
	return st.Refused(ctx, p.intent(), err)
}

func (p *plan) intent() session.IntentInfo {
	info := session.IntentInfo{Statement: p.query.Text, Application: p.query.Application}
	if p.plan != nil {
		for _, l := range p.plan.Leaves {
			decision := l.Decision
			if now, ok := p.decided[l.Source]; ok && now.Fingerprint == l.Fingerprint {
				decision = now
			}
			info.Targets = append(info.Targets, session.Target{Decision: *decision, Columns: l.Columns})
		}
	}
	return info
}

// Execute implements gateway.Plan.
func (p *plan) Execute(ctx context.Context, args []gateway.Arg) (gateway.Rows, error) {
	st, d := p.fresh, p.desk
	p.fresh = nil
	if st == nil {
		var err error
		if st, err = d.Begin(ctx); err != nil {
			return nil, err
		}
		again := &plan{desk: d, query: p.query}
		if err := again.make(ctx, st); err != nil {
			return nil, again.refused(ctx, st, err)
		}
		if !slices.Equal(again.params, p.params) {
			return nil, again.refused(ctx, st, sqlstate.Unsupportedf("the parameters of the prepared statement changed").WithHint("Prepare the statement again."))
		}
		p = again
	}
	if len(args) != len(p.params) {
		return nil, p.refused(ctx, st, sqlstate.Errorf("42P02", stead.Invalid, "there is no parameter $%d", len(args)+1).
			WithHint("Parameters need a prepared statement of the protocol."))
	}
	if p.plan.Catalogue {
		return p.runCatalogue(ctx, st, args)
	}
	for i, a := range args {
		if !fits(a, p.plan.Parameters[i].Type) {
			return nil, p.refused(ctx, st, sqlstate.Errorf("22003", stead.Invalid, "parameter $%d is out of range for its type", i+1))
		}
	}
	if err := st.Intent(ctx, p.intent()); err != nil {
		return nil, err
	}
	rows, err := p.run(ctx, st, args)
	if err != nil {
		return nil, errors.Join(err, st.Outcome(ctx, 0, err))
	}
	return rows, nil
}

// fits reports whether the cast of a decimal to the plan's type succeeds. Other values were
// decoded as what they are cast to.
func fits(a gateway.Arg, typ string) bool {
	if items, ok := a.([]any); ok {
		return !slices.ContainsFunc(items, func(item any) bool { return !fits(item, strings.TrimSuffix(typ, "[]")) })
	}
	d, ok := a.(duck.DecimalValue)
	t := dialect.ParseType(typ)
	if !ok || t.Kind != expr.Decimal {
		return true
	}
	whole := len(new(big.Int).Abs(d.Unscaled).String()) - int(d.Scale)
	return whole <= t.Precision-t.Scale && int(d.Scale) <= t.Scale
}

// engineError is what an asker learns from a failure of the engine: one text for each SQLSTATE,
// the same whatever data it was about.
func (p *plan) engineError(ctx context.Context, err error) error {
	if why := sqlstate.Cause(ctx, err); sqlstate.Safe(why) {
		return why
	}
	p.desk.g.Engines.broke(p.served, err)
	if duck.Unfit(err) && p.plan != nil && len(p.plan.Leaves) > 0 {
		unfit := p.unfit(err)
		if g := p.desk.g; len(p.plan.Leaves) == 1 && g.Drifted != nil { // of several it cannot be told which
			g.Drifted(context.WithoutCancel(ctx), p.plan.Leaves[0].Decision.Object, stead.AsError(unfit).Message)
		}
		return unfit
	}
	state, text, hint := "22000", "the statement failed", "A value does not suit a function or a cast of the statement."
	code := stead.Invalid
	switch kind := duck.KindOf(err); kind {
	case "":
		return err
	case "binder", "catalog", "parser", "parameter not resolved", "parameter not allowed":
		state, text, hint = "42703", "a column, function or type of the statement does not exist or does not fit", "Check names and types; \\d in psql shows the columns."
	case "interrupt":
		return sqlstate.ErrCanceled
	case "out of memory":
		state, code, text, hint = "53200", stead.Limit, "the statement needs more memory than it may use", "Ask for less, or aggregate earlier."
	case "io", "permission", "fatal", "internal", "serialization", "connection", "http":
		state, code, text, hint = "58000", stead.Unavailable, "the data cannot be read now", "Try again later; the server's log has the cause."
	default:
		if strings.Contains(kind, "not implemented") {
			state, code, text, hint = sqlstate.Unsupported, stead.Unsupported, "the statement is not supported", ""
		}
	}
	return sqlstate.Errorf(state, code, "%s", text).WithHint("%s", hint).WithCause(err)
}
