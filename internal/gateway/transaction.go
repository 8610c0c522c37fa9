package gateway

import (
	"context"
	"maps"

	"stead"
	"stead/internal/gateway/sqlstate"
)

// transactionState is the byte that ReadyForQuery carries.
type transactionState byte

const (
	outside transactionState = 'I'
	inside  transactionState = 'T'
	failed  transactionState = 'E'
)

// transaction is the state machine that clients expect. Nothing is written, so all that a
// rollback undoes is settings and cursors.
type transaction struct {
	state      transactionState
	before     map[string]string // settings at BEGIN
	local      map[string]string // settings to go back to at the end, of SET LOCAL
	savepoints []savepoint
}

type savepoint struct {
	name   string
	values map[string]string
}

var idle = transaction{state: outside}

var errFailedTransaction = sqlstate.Errorf(sqlstate.Failed, stead.Conflict,
	"current transaction is aborted, commands ignored until end of transaction block").WithHint("Send ROLLBACK.")

// allows says whether a command may run in the transaction's state.
func (t *transaction) allows(cmd command) error {
	if t.state != failed {
		return nil
	}
	switch cmd.(type) {
	case rollbackCommand, commitCommand, rollbackToCommand, emptyCommand:
		return nil
	}
	return errFailedTransaction
}

// fail notes that a statement in the transaction went wrong.
func (t *transaction) fail() {
	if t.state == inside {
		t.state = failed
	}
}

type (
	beginCommand      struct{ tag string }
	commitCommand     struct{ chain bool }
	rollbackCommand   struct{ chain bool }
	savepointCommand  struct{ name string }
	releaseCommand    struct{ name string }
	rollbackToCommand struct{ name string }
)

func (beginCommand) columns(*conn) ([]Column, error)      { return nil, nil }
func (commitCommand) columns(*conn) ([]Column, error)     { return nil, nil }
func (rollbackCommand) columns(*conn) ([]Column, error)   { return nil, nil }
func (savepointCommand) columns(*conn) ([]Column, error)  { return nil, nil }
func (releaseCommand) columns(*conn) ([]Column, error)    { return nil, nil }
func (rollbackToCommand) columns(*conn) ([]Column, error) { return nil, nil }

func (b beginCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	if c.tx.state != outside {
		c.warn(sqlstate.ActiveTransaction, "there is already a transaction in progress")
		return done(b.tag)
	}
	c.tx = transaction{state: inside, before: maps.Clone(c.settings.values)}
	return done(b.tag)
}

func (m commitCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	if c.tx.state == failed {
		return rollbackCommand(m).run(context.Background(), c, input{})
	}
	if c.tx.state == outside {
		c.warn(sqlstate.NoTransaction, "there is no transaction in progress")
		return done("COMMIT")
	}
	c.settings.restore(c, c.tx.local)
	c.endTransaction(true, m.chain)
	return done("COMMIT")
}

func (r rollbackCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	if c.tx.state == outside {
		c.warn(sqlstate.NoTransaction, "there is no transaction in progress")
		return done("ROLLBACK")
	}
	c.settings.restore(c, c.tx.before)
	c.endTransaction(false, r.chain)
	return done("ROLLBACK")
}

// endTransaction closes the cursors of the transaction; held ones survive a commit.
func (c *conn) endTransaction(committed, chain bool) {
	for name, p := range c.portals {
		if !p.held || !committed && p.inside {
			c.dropPortal(name, nil)
		} else {
			p.inside = false
		}
	}
	c.tx = idle
	if chain {
		c.tx = transaction{state: inside, before: maps.Clone(c.settings.values)}
	}
}

func (s savepointCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	if c.tx.state == outside {
		return nil, sqlstate.Errorf(sqlstate.NoTransaction, stead.Invalid, "SAVEPOINT can only be used in transaction blocks")
	}
	if len(c.tx.savepoints) >= 1000 {
		return nil, sqlstate.Errorf(sqlstate.Limit, stead.Limit, "too many savepoints")
	}
	c.tx.savepoints = append(c.tx.savepoints, savepoint{s.name, maps.Clone(c.settings.values)})
	return done("SAVEPOINT")
}

// find returns the index of the latest savepoint of the name.
func (t *transaction) find(name string) (int, error) {
	if t.state == outside {
		return 0, sqlstate.Errorf(sqlstate.NoTransaction, stead.Invalid, "savepoints can only be used in transaction blocks")
	}
	for i := len(t.savepoints) - 1; i >= 0; i-- {
		if t.savepoints[i].name == name {
			return i, nil
		}
	}
	return 0, sqlstate.Errorf(sqlstate.NoSavepoint, stead.Invalid, "savepoint %q does not exist", name)
}

func (r releaseCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	i, err := c.tx.find(r.name)
	if err != nil {
		return nil, err
	}
	c.tx.savepoints = c.tx.savepoints[:i]
	return done("RELEASE")
}

func (r rollbackToCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	i, err := c.tx.find(r.name)
	if err != nil {
		return nil, err
	}
	c.settings.restore(c, c.tx.savepoints[i].values)
	c.tx.savepoints = c.tx.savepoints[:i+1]
	c.tx.state = inside
	return done("ROLLBACK")
}

func parseBegin(p *parser) (command, error) {
	tag := "BEGIN"
	if p.accept("start") {
		tag = "START TRANSACTION"
		if !p.accept("transaction") {
			return nil, p.unexpected()
		}
	} else {
		p.advance()
		_ = p.accept("transaction") || p.accept("work")
	}
	return beginCommand{tag}, transactionModes(p)
}

// transactionModes accepts what changes nothing where everything only reads.
func transactionModes(p *parser) error {
	for p.tok.kind != endToken {
		switch {
		case p.accept("isolation", "level"):
			if !(p.accept("serializable") || p.accept("repeatable", "read") || p.accept("read", "committed") || p.accept("read", "uncommitted")) {
				return p.unexpected()
			}
		case p.accept("read", "only"), p.accept("read", "write"), p.accept("deferrable"), p.accept("not", "deferrable"):
		default:
			return p.unexpected()
		}
		p.acceptMark(",")
	}
	return nil
}

func parseChain(p *parser) (bool, error) {
	_ = p.accept("transaction") || p.accept("work")
	if p.accept("and", "no", "chain") {
		return false, p.end()
	}
	chain := p.accept("and", "chain")
	return chain, p.end()
}

func parseCommit(p *parser) (command, error) {
	p.advance()
	if p.tok.is("prepared") {
		return nil, sqlstate.Unsupportedf("prepared transactions are not offered")
	}
	chain, err := parseChain(p)
	return commitCommand{chain}, err
}

func parseRollback(p *parser) (command, error) {
	p.advance()
	if p.tok.is("prepared") {
		return nil, sqlstate.Unsupportedf("prepared transactions are not offered")
	}
	if p.accept("to") || p.accept("work", "to") || p.accept("transaction", "to") {
		p.accept("savepoint")
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		return rollbackToCommand{name}, p.end()
	}
	chain, err := parseChain(p)
	return rollbackCommand{chain}, err
}

func parseSavepoint(p *parser) (command, error) {
	p.advance()
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return savepointCommand{name}, p.end()
}

func parseRelease(p *parser) (command, error) {
	p.advance()
	p.accept("savepoint")
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return releaseCommand{name}, p.end()
}
