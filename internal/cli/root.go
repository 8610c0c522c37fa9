// Package cli has the commands of stead, one file each. All but serve, restore, migrate,
// config and offline verification talk to a running server with the caller's key.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"stead"
)

// Version is set when the program is linked.
var Version = "dev"

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1 // what was asked for failed
	exitUsage   = 2 // the command line is wrong
	exitDiffers = 3 // a check ran and found something: a chain that does not verify, a failing case
)

// errFound ends a command whose check found something; what it found is printed already.
var errFound = errors.New("found")

// env is what commands use of the world around them.
type env struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) (string, bool)

	url, key string
	ca       string
	output   string
}

// Run runs one command line and returns the exit status.
func Run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, &env{in: in, out: out, err: errs, getenv: os.LookupEnv}, args)
}

func run(ctx context.Context, e *env, args []string) int {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.err)
	ran := false
	watch(root, &ran)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return e.checkOutput(c) }
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitDiffers
	}
	fmt.Fprintf(e.err, "stead: %s\n", message(err))
	if !ran {
		fmt.Fprintln(e.err, "stead --help shows the commands, stead COMMAND --help how one is used")
		return exitUsage
	}
	return exitFailed
}

// watch notes when a command begins: what fails before is the command line.
func watch(c *cobra.Command, ran *bool) {
	if begin := c.RunE; begin != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*ran = true
			return begin(c, args)
		}
	}
	for _, below := range c.Commands() {
		watch(below, ran)
	}
}

// message is the error as the caller may read it; on the command line the cause is the caller's own.
func message(err error) string {
	var e *stead.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Code == stead.Unauthenticated && e.Hint == "" {
		return e.WithHint("STEAD_KEY must be a key of that server that is neither revoked nor expired").Error()
	}
	if e.Cause != nil && (e.Code == stead.Internal || e.Code == stead.Unavailable) {
		return e.Error() + ": " + e.Cause.Error()
	}
	return err.Error()
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "stead",
		Short: "Query data in somebody's stead and see exactly what that person may see",
		Long: `stead governs data: policies are written once, one engine decides, and every query
is recorded with both names, who asked and in whose stead.

Commands that talk to a running server need its address and a key:

  export STEAD_URL=http://127.0.0.1:8475 STEAD_KEY=stead_...`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.StringVar(&e.url, "url", "", "address of the HTTP API (environment STEAD_URL; default http://127.0.0.1:8475)")
	f.StringVar(&e.key, "key", "", "API key of the caller (better in the environment: STEAD_KEY)")
	f.StringVar(&e.ca, "ca", "", "file of the certificate to trust for https (environment STEAD_CA)")
	f.StringVarP(&e.output, "output", "o", "text", "text or json; query also csv")
	root.AddCommand(commands(e)...)
	return root
}

func (e *env) checkOutput(c *cobra.Command) error {
	switch {
	case e.output == "text", e.output == "json", e.output == "csv" && c.Name() == "query":
		return nil
	}
	return fmt.Errorf("--output %q is not text or json", e.output)
}
