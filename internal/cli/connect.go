package cli

import (
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
	"stead/internal/govern"
	"stead/internal/push"
)

// connecting is one command line of connect.
type connecting struct {
	dsn, key, credential string
	settings             []string
	stdin, ask           bool
	script, apply        bool
	verbose              bool

	password string
}

func connectCommand(e *env) *cobra.Command {
	return nounCommand("connect", "Connect a platform that enforces policies itself", connectPostgresCommand(e))
}

func connectPostgresCommand(e *env) *cobra.Command {
	n := &connecting{}
	cmd := e.verbCommand(verb{use: "postgres --dsn DSN --key KEY", short: "Inspect a PostgreSQL database, show what governing it takes, and do it",
		long: `Inspects a PostgreSQL database of version 15 or later from the server and prints what would be
made, changed and revoked there; nothing is stored or changed. With --apply the connection is
stored, what stead needs in the database is made, and tables that are registered are governed.
With --script the plan is printed as SQL for somebody else to run.

The DSN is a postgres:// URL or "host=... user=... dbname=..." WITHOUT a password: arguments can
be read by others. The password of its user is taken from the first of

  --credential NAME  what the server keeps under that name (stead credential set NAME)
  --password-stdin   the first line of standard input
  --ask-password     asked for at the terminal
  PGPASSWORD         of the environment
  PGPASSFILE         a password file, by default ~/.pgpass

--key is the connection's key here; the API key of the caller comes from STEAD_KEY.
With --apply a password that the server does not keep yet is stored there under the connection's
key. It is never shown or given back.

Of a connection that is there already, settings that are not given stay as they are; --setting
name= goes back to the default.`,
		example: `stead connect postgres --dsn "postgres://stead@db.example.com/hr?sslmode=verify-full" --key hr --ask-password
stead connect postgres --dsn "host=db.example.com user=stead dbname=hr" --key hr --setting exempt=etl,backup --apply
stead connect postgres --dsn "postgres://stead@db.example.com/hr" --key hr --credential hr --script > hr.sql`},
		func(ctx context.Context, c *client.Client, _ []string) error { return n.run(ctx, e, c) })
	f := cmd.Flags()
	f.StringVar(&n.dsn, "dsn", "", "where the database is, without a password")
	f.StringVar(&n.key, "key", "", "key of the connection, which names of data sources begin with")
	f.StringVar(&n.credential, "credential", "", "name under which the server keeps the password")
	f.StringArrayVar(&n.settings, "setting", nil, "name=value (may be repeated); those not given stay")
	f.BoolVar(&n.stdin, "password-stdin", false, "read the password from the first line of standard input")
	f.BoolVar(&n.ask, "ask-password", false, "ask for the password")
	f.BoolVar(&n.script, "script", false, "print the plan as SQL and nothing else")
	f.BoolVar(&n.apply, "apply", false, "store the connection and apply the plan")
	f.BoolVarP(&n.verbose, "verbose", "v", false, "show every step with its statements")
	markRequired(cmd, "dsn")
	cmd.MarkFlagsMutuallyExclusive("credential", "password-stdin", "ask-password")
	cmd.MarkFlagsMutuallyExclusive("script", "apply")
	return e.completeFlag(cmd, "setting", pushSettings)
}

func pushSettings(context.Context, *client.Client) ([]string, error) {
	var out []string
	for _, name := range []string{push.SettingApply, push.SettingDrift, push.SettingExempt, push.SettingGovernedRole, push.SettingImpersonateOnly,
		push.SettingImpersonationRole, push.SettingKeepDependents, push.SettingNoForce, push.SettingPinned, push.SettingPoolers} {
		out = append(out, name+"=")
	}
	return out, nil
}

func (n *connecting) run(ctx context.Context, e *env, c *client.Client) error {
	conn, err := n.connection(e)
	if err == nil {
		err = n.stay(ctx, c, &conn)
	}
	if err != nil {
		return err
	}
	found, err := c.PreviewConnection(ctx, conn, n.password)
	if err != nil {
		return n.explain(err)
	}
	switch {
	case n.script:
		_, err := io.WriteString(e.out, found.Script)
		return err
	case n.apply:
		return n.store(ctx, e, c, conn, &found.Plan)
	case e.output == "json":
		return e.printJSON(found)
	}
	e.printPlan(&found.Plan, n.verbose)
	if blocked(&found.Plan) {
		fmt.Fprintln(e.out, "\nNothing was changed. What blocks everything must be put right first.")
		return errFound
	}
	fmt.Fprintln(e.out, "\nNothing was changed. Give --apply to do it, or --script to have it done.")
	return nil
}

// connection reads the flags.
func (n *connecting) connection(e *env) (stead.Connection, error) {
	none := stead.Connection{}
	if n.key == "" {
		return none, stead.Errorf(stead.Invalid, "the connection has no key").WithHint("give it one with --key, for example --key hr")
	}
	target, err := govern.PostgresAddress(n.dsn)
	if err != nil {
		return none, n.explain(err)
	}
	settings, err := settingPairs(n.settings)
	if err != nil {
		return none, err
	}
	named := maps.Clone(settings)
	maps.DeleteFunc(named, func(_, value string) bool { return value == "" })
	if _, err := push.ParseSettings(named); err != nil {
		return none, err
	}
	if n.credential == "" {
		if n.password, err = n.findPassword(e, target); err != nil {
			return none, err
		}
	}
	return stead.Connection{Key: n.key, Platform: stead.PostgreSQL, Address: n.dsn, Credential: n.credential, Settings: settings}, nil
}

// stay leaves settings of a connection that is there already as they are unless they are given, and its credential where it is
// for the same address: an option that somebody forgot to repeat must not, say, let go of pinned logins.
func (n *connecting) stay(ctx context.Context, c *client.Client, conn *stead.Connection) error {
	old, _, err := c.Connection(ctx, conn.Key)
	if err != nil && stead.CodeOf(err) != stead.NotFound {
		return err
	}
	if err == nil && old.Platform == conn.Platform {
		settings := maps.Clone(old.Settings)
		if settings == nil {
			settings = map[string]string{}
		}
		maps.Copy(settings, conn.Settings)
		maps.DeleteFunc(settings, func(_, value string) bool { return value == "" })
		conn.Settings = settings
		if conn.Credential == "" && n.password == "" && old.Address == conn.Address {
			conn.Credential = old.Credential
		}
	}
	_, err = push.ParseSettings(conn.Settings)
	return err
}

// explain says of an address what helps on a command line.
func (n *connecting) explain(err error) error {
	if e := stead.AsError(err); e.Place.Path == "address" && e.Code == stead.Invalid {
		told := *e
		told.Place.Path = "--dsn"
		if passwordSaid(n.dsn) {
			told.Hint = "leave it out: give it with --ask-password, --password-stdin, PGPASSWORD or a password file"
		}
		return &told
	}
	return err
}

func settingPairs(pairs []string) (map[string]string, error) {
	var out map[string]string
	given, err := attributes(pairs)
	if err != nil {
		return nil, stead.Errorf(stead.Invalid, "%s", stead.AsError(err).Message).WithHint("write name=value, for example exempt=etl,backup")
	}
	for name, values := range given {
		if len(values) > 1 {
			return nil, stead.Errorf(stead.Invalid, "the setting %s is given twice", name).WithHint("separate names by commas in one value")
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = values[0]
	}
	return out, nil
}

// blocked reports whether a problem stands in the way of everything.
func blocked(p *client.PlatformPlan) bool {
	for _, problem := range p.Problems {
		if problem.Blocking && problem.Source == "" {
			return true
		}
	}
	return false
}

// store puts the connection and applies.
func (n *connecting) store(ctx context.Context, e *env, c *client.Client, conn stead.Connection, plan *client.PlatformPlan) error {
	text := e.output != "json"
	if text {
		e.printPlan(plan, n.verbose)
		fmt.Fprintln(e.out)
	}
	if blocked(plan) {
		if !text {
			if err := e.printJSON(map[string]any{"plan": plan}); err != nil {
				return err
			}
		}
		return stead.Errorf(stead.Conflict, "nothing was stored or changed: problems block everything").WithHint("put right what the plan lists first")
	}
	old, version, err := c.Connection(ctx, conn.Key)
	switch {
	case err == nil:
		conn.Disabled = old.Disabled // its kill switch stays as it is
	case stead.CodeOf(err) != stead.NotFound:
		return err
	}
	if n.password != "" {
		conn.Credential = conn.Key
		if err := c.SetCredential(ctx, conn.Credential, n.password); err != nil {
			return err
		}
	}
	change, err := c.PutConnection(ctx, conn, client.With{Version: version})
	if err != nil {
		return err
	}
	if text {
		if err := e.done(change, nil); err != nil {
			return err
		}
	}
	st, err := e.applyPlatform(ctx, c, conn.Key, true)
	if err != nil {
		return err
	}
	if !text {
		return e.printJSON(map[string]any{"plan": plan, "change": change, "status": st})
	}
	fmt.Fprintf(e.out, "connection %s is current. Next: stead register %s\n", printable(conn.Key), printable(conn.Key))
	return nil
}
