package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"stead"
)

// queryFlags say where and in whose stead a query is asked.
type queryFlags struct {
	as, project, database, gateway, file string
}

func queryCommand(e *env) *cobra.Command {
	q := &queryFlags{}
	c := &cobra.Command{
		Use:   "query [SQL]",
		Short: "Ask a query, in your own or somebody's stead",
		Long: `Asks over the PostgreSQL wire with the caller's own key. With --as it is asked in that
person's stead, which needs the permission IMPERSONATE_USER; the record names both.
Without SQL, the statement is read from --file or, for "-", from standard input.`,
		Example: `  stead query "select count(*) from demo.hr_data"
  stead query --as ana@example.com "select * from demo.hr_data limit 10"
  stead query --project headcount -o csv "select dept from demo.hr_data"
  stead query --database lake -o json -f report.sql`,
		Args: cobra.MaximumNArgs(1),
	}
	f := c.Flags()
	f.StringVar(&q.as, "as", "", "user in whose stead to ask")
	f.StringVar(&q.project, "project", "", "key of the project to act in")
	f.StringVar(&q.database, "database", "", "key of the connection (needed when there are several)")
	f.StringVar(&q.gateway, "gateway", "", "host:port of the gateway (environment STEAD_GATEWAY; default: as the server says)")
	f.StringVarP(&q.file, "file", "f", "", `file with the statement; "-" is standard input`)
	c.RunE = func(c *cobra.Command, args []string) error {
		sql, err := e.statement(args, q.file)
		if err != nil {
			return err
		}
		print, err := e.resultPrinter()
		if err != nil {
			return err
		}
		return e.query(c.Context(), q, sql, print)
	}
	return c
}

// statement is the SQL from the argument, the file or standard input.
func (e *env) statement(args []string, file string) (string, error) {
	if (len(args) == 1) == (file != "") {
		return "", stead.Errorf(stead.Invalid, "give the statement either as the argument or with --file").
			WithHint(`for example: stead query "select 1"`)
	}
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	text, err := e.readFile(file)
	return string(text), err
}

// readFile reads a file, or standard input for "-" and "".
func (e *env) readFile(path string) ([]byte, error) {
	if path == "-" || path == "" {
		return io.ReadAll(e.in)
	}
	return os.ReadFile(path)
}

func (e *env) query(ctx context.Context, q *queryFlags, sql string, print printer) (err error) {
	conn, err := e.dial(ctx, q)
	if err != nil {
		return err
	}
	defer func() {
		if closed := conn.Close(context.WithoutCancel(ctx)); err == nil {
			err = closed
		}
	}()
	results := conn.Exec(ctx, sql)
	for results.NextResult() {
		if err := print(results.ResultReader()); err != nil {
			return errors.Join(asked(err), asked(results.Close()))
		}
	}
	return asked(results.Close())
}

// dial signs in at the gateway as the identity that the key belongs to.
func (e *env) dial(ctx context.Context, q *queryFlags) (*pgconn.PgConn, error) {
	user, gateway, prefix, err := e.whoAndWhere(ctx, q)
	if err != nil {
		return nil, err
	}
	cfg, err := e.wireConfig(gateway)
	if err != nil {
		return nil, err
	}
	cfg.User, cfg.Password, cfg.Database = user, e.secret(), q.database
	var options []string
	for _, o := range [][2]string{{"impersonate.user", q.as}, {"project", q.project}} {
		if o[1] != "" {
			options = append(options, "-c "+prefix+"."+o[0]+"="+escapeOption(o[1]))
		}
	}
	cfg.RuntimeParams = map[string]string{"application_name": "stead query"}
	if len(options) > 0 {
		cfg.RuntimeParams["options"] = strings.Join(options, " ")
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, unreachable(err, gateway)
	}
	return conn, nil
}

// defaultNamespace is the prefix of stead's settings in SQL.
const defaultNamespace = "immuta"

// escapeOption writes a value so that the server reads it as one word.
func escapeOption(v string) string {
	return strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t", "\n", "\\\n", "\r", "\\\r").Replace(v)
}

// wireConfig asks for a verified certificate everywhere but on loopback. Nothing of the caller's PG
// environment is used: the answer must come from where the command line says.
func (e *env) wireConfig(gateway string) (*pgconn.Config, error) {
	host, port, err := net.SplitHostPort(gateway)
	if err != nil {
		return nil, stead.Errorf(stead.Invalid, "the gateway's address %q is not host:port", gateway).WithHint("for example --gateway 127.0.0.1:5439")
	}
	settings := []string{"host=" + quoteSetting(host), "port=" + quoteSetting(port), "user=stead", "password=''", "passfile=''", "servicefile=''",
		"sslcert=''", "sslkey=''", "connect_timeout=15"}
	ca := e.setting(e.ca, "STEAD_CA", "")
	switch ip := net.ParseIP(host); {
	case ca != "":
		settings = append(settings, "sslmode=verify-full", "sslrootcert="+quoteSetting(ca))
	case host == "localhost", ip != nil && ip.IsLoopback():
		settings = append(settings, "sslmode=prefer")
	default:
		settings = append(settings, "sslmode=verify-full")
	}
	return pgconn.ParseConfig(strings.Join(settings, " "))
}

func quoteSetting(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'"
}

// unreachable says what to do when no connection came about.
func unreachable(err error, gateway string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return asked(err)
	}
	return stead.Errorf(stead.Unavailable, "no connection to the gateway at %s: %s", gateway, rootCause(err)).
		WithHint("is `stead serve` running there? Set --gateway or STEAD_GATEWAY; for its own certificate set --ca").WithCause(err)
}

// rootCause is the innermost error's text, which names no password.
func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// asked is a server's refusal as the caller reads it.
func asked(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	hint := pg.Hint
	if pg.Detail != "" {
		hint = strings.TrimSpace(pg.Detail + " " + hint)
	}
	at := stead.Place{}
	if pg.Position > 0 {
		at.Path = fmt.Sprintf("character %d", pg.Position)
	}
	return &stead.Error{Code: codeOfState(pg.Code), Message: fmt.Sprintf("%s [%s]", pg.Message, pg.Code), Hint: hint, Place: at}
}

func codeOfState(state string) stead.Code {
	switch {
	case strings.HasPrefix(state, "28"):
		return stead.Unauthenticated
	case state == "42501":
		return stead.Denied
	case state == "42P01", state == "3D000":
		return stead.NotFound
	case strings.HasPrefix(state, "0A"):
		return stead.Unsupported
	case strings.HasPrefix(state, "53"), strings.HasPrefix(state, "54"):
		return stead.Limit
	case strings.HasPrefix(state, "57"), strings.HasPrefix(state, "08"):
		return stead.Unavailable
	default:
		return stead.Invalid
	}
}
