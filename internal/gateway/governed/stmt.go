package governed

import (
	"context"
	"errors"
	"slices"

	"stead/internal/gateway"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
)

// engineConn is a connection of an engine, which only its own session uses.
type engineConn struct {
	conn   *duck.Conn
	served *served // nil: the catalogue's
	kept   []keptStmt
}

// keptStmt is a statement of the engine that was prepared for a plan over data as it was. The plan is one for
// decisions that are made anew before every use: whoever is decided otherwise gets another plan and never meets it.
type keptStmt struct {
	plan *rewrite.Plan
	data string
	stmt *duck.Stmt
	cols []gateway.Column
}

// keptStmts is how many statements a session's connection keeps: enough for what an application asks again and
// again, and little memory.
const keptStmts = 8

// prepare readies what a statement of the extended protocol runs, once for all its executions.
func (c *engineConn) prepare(p *plan) (keptStmt, error) {
	for i, k := range c.kept {
		if k.plan == p.plan && k.data == p.data {
			c.kept = append(slices.Delete(c.kept, i, i+1), k)
			return k, nil
		}
	}
	stmt, err := c.conn.Prepare(p.sql)
	if err != nil {
		return keptStmt{}, err
	}
	if len(c.kept) == keptStmts {
		if err := c.kept[0].stmt.Close(); err != nil {
			return keptStmt{}, errors.Join(err, stmt.Close())
		}
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	k := keptStmt{p.plan, p.data, stmt, columnsOf(stmt.Columns())}
	c.kept = append(c.kept, k)
	return k, nil
}

// query streams the plan's answer.
func (c *engineConn) query(ctx context.Context, p *plan, args []any) (*duck.Rows, []gateway.Column, error) {
	if !p.keeps() {
		rows, err := c.conn.Query(ctx, p.sql, args...)
		if err != nil {
			return nil, nil, err
		}
		return rows, columnsOf(rows.Columns()), nil
	}
	k, err := c.prepare(p)
	if err != nil {
		return nil, nil, err
	}
	if err := k.stmt.Bind(args...); err != nil {
		return nil, nil, err
	}
	rows, err := k.stmt.Stream(ctx)
	return rows, k.cols, err
}

// keeps reports whether the plan's statement is worth keeping: it may be executed again, and over the same tables.
func (p *plan) keeps() bool { return !p.query.Now && len(p.plan.Copies) == 0 }

func (c *engineConn) close() error {
	var err error
	for _, k := range c.kept {
		err = errors.Join(err, k.stmt.Close())
	}
	c.kept = nil
	return errors.Join(err, c.conn.Close())
}
