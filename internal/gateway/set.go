package gateway

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/sqlstate"
)

type setCommand struct {
	name  string
	value string
	local bool
	deflt bool // RESET of one setting, or TO DEFAULT
}

type (
	showCommand  struct{ name string } // "all" for every setting
	resetCommand struct{}              // RESET ALL
	discard      struct{ what string }
)

func (setCommand) columns(*conn) ([]Column, error)   { return nil, nil }
func (resetCommand) columns(*conn) ([]Column, error) { return nil, nil }
func (discard) columns(*conn) ([]Column, error)      { return nil, nil }

func (c *conn) parameterStatus(name, value string) {
	c.send(&pgproto3.ParameterStatus{Name: name, Value: clean(value)})
}

func (s setCommand) run(ctx context.Context, c *conn, _ input) (*result, error) {
	tag := "SET"
	if s.deflt {
		tag = "RESET"
	}
	switch s.name {
	case c.settings.userName():
		return &result{tag: tag}, c.setImpersonation(ctx, s)
	case c.settings.projectName():
		return &result{tag: tag}, c.setProject(ctx, s)
	}
	def, known := findSetting(s.name)
	if !known {
		return nil, errNoSetting(s.name)
	}
	before := c.settings.values[def.name]
	if s.deflt {
		c.settings.change(c, def.name, c.settings.start[def.name])
		return done(tag)
	}
	if err := c.settings.set(c, s.name, s.value); err != nil {
		return nil, err
	}
	if def.name == "TimeZone" && !isUTC(s.value) {
		c.warn(sqlstate.Warning, "times are always shown in UTC")
	}
	if s.local {
		c.setLocal(def.name, before)
	}
	return done(tag)
}

// setLocal remembers what a SET LOCAL goes back to. Outside a transaction it has no effect.
func (c *conn) setLocal(name, before string) {
	if c.tx.state == outside {
		c.settings.change(c, name, before)
		c.warn(sqlstate.NoTransaction, "SET LOCAL can only be used in transaction blocks")
		return
	}
	if c.tx.local == nil {
		c.tx.local = map[string]string{}
	}
	if _, again := c.tx.local[name]; !again {
		c.tx.local[name] = before
	}
}

func isUTC(v string) bool {
	switch strings.ToLower(v) {
	case "utc", "gmt", "etc/utc", "z", "0", "default", "local":
		return true
	}
	return false
}

// setImpersonation asks to act in another's stead, or ends that. Who asks never changes within a
// transaction, and nothing that was opened before goes on.
func (c *conn) setImpersonation(ctx context.Context, s setCommand) error {
	if err := c.identityChange(s); err != nil {
		return err
	}
	if s.deflt || s.value == "" {
		return c.session.EndImpersonation(ctx)
	}
	return c.session.Impersonate(ctx, s.value)
}

func (c *conn) setProject(ctx context.Context, s setCommand) error {
	if err := c.identityChange(s); err != nil {
		return err
	}
	if s.deflt || s.value == "" {
		c.session.ResetProject()
		return nil
	}
	return c.session.SetProject(ctx, s.value)
}

func (c *conn) identityChange(s setCommand) error {
	if c.tx.state != outside || s.local {
		return sqlstate.Errorf(sqlstate.ActiveTransaction, stead.Conflict, "%s cannot be changed within a transaction", s.name).
			WithHint("End the transaction with COMMIT or ROLLBACK first.")
	}
	if len(s.value) > c.srv.cfg.Limits.SettingBytes {
		return sqlstate.Errorf(sqlstate.BadParameter, stead.Limit, "the value of %q is too long", s.name)
	}
	c.dropPortals()
	return nil
}

// setStart sets what the start-up message asks for.
func (c *conn) setStart(ctx context.Context, name, value string) error {
	switch strings.ToLower(name) {
	case c.settings.userName():
		if value == "" {
			return nil
		}
		c.settings.startUser = value
		return c.session.Impersonate(ctx, value)
	case c.settings.projectName():
		if value == "" {
			return nil
		}
		c.settings.startProject = value
		return c.session.SetProject(ctx, value)
	}
	return c.settings.set(c, name, value)
}

// run of RESET ALL goes back to what the connection started with, impersonation included: that
// is what pools send before they lend the connection to somebody else.
func (resetCommand) run(ctx context.Context, c *conn, _ input) (*result, error) {
	who, _ := c.session.Impersonating()
	if start := c.settings.startUser; who != "" || start != "" {
		if err := c.setImpersonation(ctx, setCommand{name: c.settings.userName(), value: start}); err != nil {
			return nil, err
		}
	}
	key, _ := c.session.Project()
	if start := c.settings.startProject; key != "" || start != "" {
		if err := c.setProject(ctx, setCommand{name: c.settings.projectName(), value: start}); err != nil {
			return nil, err
		}
	}
	c.settings.restore(c, c.settings.start)
	return done("RESET")
}

func (d discard) run(ctx context.Context, c *conn, in input) (*result, error) {
	if d.what != "all" {
		return done("DISCARD " + strings.ToUpper(d.what))
	}
	if c.tx.state != outside {
		return nil, sqlstate.Errorf(sqlstate.ActiveTransaction, stead.Conflict, "DISCARD ALL cannot run inside a transaction block")
	}
	c.dropPortals()
	clear(c.statements)
	if _, err := (resetCommand{}).run(ctx, c, in); err != nil {
		return nil, err
	}
	return done("DISCARD ALL")
}

func (s showCommand) columns(c *conn) ([]Column, error) {
	if s.name == "all" {
		return textColumns("name", "setting", "description"), nil
	}
	if s.name == c.settings.userName() || s.name == c.settings.projectName() {
		return textColumns(s.name), nil
	}
	def, ok := findSetting(s.name)
	if !ok {
		return nil, errNoSetting(s.name)
	}
	return textColumns(def.name), nil
}

func (s showCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	cols, err := s.columns(c)
	if err != nil {
		return nil, err
	}
	if s.name != "all" {
		return c.ownAnswer("SHOW", cols, [][]string{{c.settings.show(c, cols[0].Name)}}), nil
	}
	rows := make([][]string, 0, len(settingTable)+2)
	for _, d := range settingTable {
		rows = append(rows, []string{d.name, c.settings.show(c, d.name), d.about})
	}
	rows = append(rows, []string{c.settings.userName(), c.settings.show(c, c.settings.userName()), "In whose stead is asked."},
		[]string{c.settings.projectName(), c.settings.show(c, c.settings.projectName()), "The project acted in."})
	return c.ownAnswer("SHOW", cols, rows), nil
}

func parseSet(p *parser) (command, error) {
	p.advance()
	switch {
	case p.accept("transaction"), p.accept("session", "characteristics", "as", "transaction"):
		if p.tok.is("snapshot") {
			return nil, sqlstate.Unsupportedf("snapshots of transactions are not offered")
		}
		return tagCommand("SET"), transactionModes(p)
	case p.tok.is("constraints"):
		return nil, sqlstate.Unsupportedf("SET CONSTRAINTS is not offered")
	}
	s := setCommand{}
	if p.accept("local") {
		s.local = true
	} else {
		p.accept("session")
	}
	switch {
	case p.accept("time", "zone"):
		s.name = "timezone"
	case p.accept("names"):
		s.name = "client_encoding"
	case p.accept("schema"):
		s.name = "search_path"
	case p.tok.is("role"), p.tok.is("authorization"):
		return parseRole(p)
	default:
		name, err := p.settingName()
		if err != nil {
			return nil, err
		}
		s.name = name
		if !p.acceptMark("=") && !p.accept("to") {
			return nil, p.unexpected()
		}
	}
	return p.settingValue(s)
}

// parseRole accepts what changes nothing; nobody becomes somebody else this way.
func parseRole(p *parser) (command, error) {
	role := p.advance().text == "role"
	if role && (p.accept("none") || p.accept("to", "none")) || p.accept("default") {
		return tagCommand("SET"), p.end()
	}
	return nil, sqlstate.Unsupportedf("SET ROLE and SET SESSION AUTHORIZATION are not offered").
		WithHint("Ask in somebody's stead with SET immuta.impersonate.user = 'name'.")
}

func (p *parser) settingName() (string, error) {
	name, err := p.name()
	for err == nil && p.acceptMark(".") {
		var part string
		part, err = p.name()
		name += "." + part
	}
	return strings.ToLower(name), err
}

// settingValue reads a quoted text, or what stands there as it is: user names are written
// without quotes by many tools.
func (p *parser) settingValue(s setCommand) (command, error) {
	from, to, count := p.tok.from, p.tok.from, 0
	first := p.tok
	for p.tok.kind != endToken {
		if p.tok.kind == badToken {
			return nil, p.unexpected()
		}
		if count > 0 && p.tok.from != to && s.name != "search_path" && s.name != "datestyle" && s.name != "timezone" {
			return nil, syntaxf("the value of %q must be in quotes", s.name)
		}
		to = p.tok.to
		count++
		p.advance()
	}
	switch {
	case count == 1 && (first.kind == textToken || first.kind == nameToken):
		s.value = first.text
	case count == 1 && first.is("default"):
		s.deflt = true
	case count == 0 && !strings.Contains(s.name, "."):
		return nil, p.unexpected()
	default:
		s.value = p.src[from:to]
	}
	if s.name == "search_path" && count == 1 && first.kind == nameToken {
		s.value = p.src[from:to] // stays one identifier
	}
	return s, nil
}

func parseShow(p *parser) (command, error) {
	p.advance()
	switch {
	case p.accept("time", "zone"):
		return showCommand{"timezone"}, p.end()
	case p.accept("transaction", "isolation", "level"):
		return showCommand{"transaction_isolation"}, p.end()
	case p.accept("session", "authorization"):
		return showCommand{"session_authorization"}, p.end()
	}
	name, err := p.settingName()
	if err != nil {
		return nil, err
	}
	return showCommand{name}, p.end()
}

func parseReset(p *parser) (command, error) {
	p.advance()
	switch {
	case p.accept("all"):
		return resetCommand{}, p.end()
	case p.accept("time", "zone"):
		return setCommand{name: "timezone", deflt: true}, p.end()
	case p.accept("role"), p.accept("session", "authorization"):
		return tagCommand("RESET"), p.end()
	}
	name, err := p.settingName()
	if err != nil {
		return nil, err
	}
	return setCommand{name: name, deflt: true}, p.end()
}

func parseDiscard(p *parser) (command, error) {
	p.advance()
	for _, what := range []string{"all", "plans", "sequences", "temp", "temporary"} {
		if p.accept(what) {
			return discard{what}, p.end()
		}
	}
	return nil, p.unexpected()
}
