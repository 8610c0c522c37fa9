package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stead/internal/app"
)

// loadFlags are the flags by which a command line overrides the configuration.
type loadFlags struct {
	file   string
	values map[string]*string
}

func addLoadFlags(c *cobra.Command, names ...string) *loadFlags {
	l := &loadFlags{values: map[string]*string{}}
	c.Flags().StringVarP(&l.file, "config", "c", "", "configuration file (YAML; environment STEAD_CONFIG)")
	for _, s := range app.Settings() {
		for _, n := range names {
			if s.Name == n {
				l.values[n] = c.Flags().String(strings.ReplaceAll(n, ".", "-"), "", s.Help)
			}
		}
	}
	return l
}

func (l *loadFlags) load(c *cobra.Command, e *env) (*app.Loaded, []error) {
	path := l.file
	if path == "" {
		path, _ = e.getenv("STEAD_CONFIG")
	}
	flags := map[string]string{}
	for name, v := range l.values {
		if c.Flags().Changed(strings.ReplaceAll(name, ".", "-")) {
			flags[name] = *v
		}
	}
	loaded, errs := app.Load(path, e.getenv, flags)
	return loaded, append(errs, app.Misspelt(os.Environ())...)
}

func serveCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the gateway and the HTTP API",
		Long: `Serves the PostgreSQL-wire gateway and the HTTP API until it is told to end. State is
kept in ./stead-data. The first start makes an administrator and shows its key once.
Listens on loopback unless told otherwise; every other address gets TLS.`,
		Example: `  stead serve
  stead serve --data /var/lib/stead --gateway-listen 0.0.0.0:5439
  stead serve --store 'postgres://stead@db.example.com/stead?sslmode=verify-full' --server eu1 --keys-dir /mnt/stead-keys
  STEAD_LOG_FORMAT=json stead serve -c stead.yaml`,
		Args: cobra.NoArgs,
	}
	newKeys := c.Flags().Bool("new-keys", false, "go on with keys that are not the store's; every hash mask changes")
	l := addLoadFlags(c, "data", "store", "server", "keys.dir", "http.listen", "gateway.listen", "log.level", "log.format")
	c.RunE = func(c *cobra.Command, _ []string) error {
		loaded, errs := l.load(c, e)
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
		loaded.NewKeys = *newKeys
		log := newLog(e, loaded.Log)
		a, err := app.Open(c.Context(), loaded.Config, log)
		if err != nil {
			return err
		}
		a.Version = Version
		err = a.Serve(c.Context(), func(at app.Addresses) { e.announce(at, a.FirstKey) })
		return errors.Join(err, a.Close())
	}
	return c
}

// announce says on standard output where stead is, and the first key, which is shown nowhere else.
func (e *env) announce(at app.Addresses, firstKey string) {
	if e.output == "json" {
		out := map[string]string{"http": at.HTTP, "gateway": at.Gateway}
		if at.CA != "" {
			out["ca"] = at.CA
		}
		if firstKey != "" {
			out["firstKey"] = firstKey
		}
		// A map of texts always encodes.
		text, _ := json.Marshal(out)
		fmt.Fprintln(e.out, string(text))
		return
	}
	fmt.Fprintf(e.out, "HTTP API   %s\nPostgreSQL %s\n", at.HTTP, at.Gateway)
	if firstKey != "" {
		trust := ""
		if at.CA != "" {
			trust = " STEAD_CA=" + at.CA
		}
		fmt.Fprintf(e.out, "\nThis is the first administrator's key. It is shown once; keep it:\n\n  export STEAD_URL=%s%s STEAD_KEY=%s\n\n", at.Local, trust, firstKey)
	}
}

func newLog(e *env, c app.LogConfig) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(e.err, opt))
	}
	return slog.New(slog.NewTextHandler(e.err, opt))
}

func versionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  stead version -o json",
		RunE: func(*cobra.Command, []string) error {
			if e.output == "json" {
				return e.printJSON(map[string]string{"version": Version})
			}
			_, err := fmt.Fprintf(e.out, "stead %s\n", Version)
			return err
		},
	}
}

func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func configCommand(e *env) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at the configuration of a server"}
	check := &cobra.Command{
		Use: "check", Short: "Explain every value, where it comes from, and what is wrong", Args: cobra.NoArgs,
		Example: "  stead config check\n  stead config check -c stead.yaml -o json",
	}
	l := addLoadFlags(check)
	check.RunE = func(c *cobra.Command, _ []string) error {
		loaded, errs := l.load(c, e)
		return e.explainConfig(loaded, errs)
	}
	c.AddCommand(check)
	return c
}

func (e *env) explainConfig(l *app.Loaded, errs []error) error {
	type row struct {
		Name, Value, Source, Env, Help string
	}
	var rows []row
	for _, s := range app.Settings() {
		from := l.Sources[s.Name]
		if from == "" {
			from = app.FromDefault
		}
		rows = append(rows, row{s.Name, s.Get(&l.Config), string(from), s.Env, s.Help})
	}
	var wrong []string
	for _, err := range errs {
		wrong = append(wrong, err.Error())
	}
	if e.output == "json" {
		if err := e.printJSON(map[string]any{"values": rows, "errors": wrong}); err != nil {
			return err
		}
	} else {
		for _, r := range rows {
			fmt.Fprintf(e.out, "%-34s %-22q %-12s %s\n%34s %s\n", r.Name, r.Value, r.Source, r.Env, "", r.Help)
		}
		for _, w := range wrong {
			fmt.Fprintf(e.out, "wrong: %s\n", w)
		}
	}
	if len(errs) > 0 {
		return errFound
	}
	if e.output != "json" {
		fmt.Fprintln(e.out, "nothing is wrong with the configuration")
	}
	return nil
}
