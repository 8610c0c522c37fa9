package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead/client"
)

// platformVerbs are what can be asked of a connection whose policies are pushed.
func platformVerbs(e *env, names completion) []*cobra.Command {
	var verbose, bootstrap, wait bool
	var patience time.Duration
	plan := e.verbCommand(verb{use: "plan KEY", short: "What stands between a platform and what the policies say", args: cobra.ExactArgs(1), complete: names,
		long:    "Inspects the platform and prints what applying would do. The exit status is 3 when problems block it.",
		example: "stead connection plan hr\nstead connection plan hr -v"},
		func(ctx context.Context, c *client.Client, args []string) error {
			p, err := c.PlanConnection(ctx, args[0])
			if err != nil {
				return err
			}
			if e.output == "json" {
				err = e.printJSON(p)
			} else {
				e.printPlan(p, verbose)
			}
			if err == nil && blocked(p) {
				err = errFound
			}
			return err
		})
	plan.Flags().BoolVarP(&verbose, "verbose", "v", false, "show every step with its statements")
	apply := e.verbCommand(verb{use: "apply KEY", short: "Bring a platform to what the policies say", args: cobra.ExactArgs(1), complete: names,
		long:    "Applies edits of objects that wait, and waits until the platform is current. Interrupting it only\nstops waiting: the work goes on at the server.",
		example: "stead connection apply hr\nstead connection apply hr --bootstrap"},
		func(ctx context.Context, c *client.Client, args []string) error {
			st, err := e.applyPlatform(ctx, c, args[0], bootstrap)
			if err != nil {
				return err
			}
			return e.printPlatform(args[0], st)
		})
	apply.Flags().BoolVar(&bootstrap, "bootstrap", false, "make stead's own schemas, tables, functions and roles where they are missing")
	script := e.verbCommand(verb{use: "script KEY", short: "The plan as SQL for somebody else to run", args: cobra.ExactArgs(1), complete: names,
		example: "stead connection script hr > hr.sql"},
		func(ctx context.Context, c *client.Client, args []string) error {
			text, err := c.ScriptConnection(ctx, args[0])
			if err != nil {
				return err
			}
			if e.output == "json" {
				return e.printJSON(map[string]string{"script": text})
			}
			_, err = io.WriteString(e.out, text)
			return err
		})
	status := e.verbCommand(verb{use: "status KEY", short: "Where a platform stands", args: cobra.ExactArgs(1), complete: names,
		long: "The exit status is 3 when it is not current, or when drift is open: somebody may see more than they should.\nWith --wait it waits until what is stored now is enforced, or cannot be; failures that are tried again\nend it after --timeout only.", example: "stead connection status hr\nstead connection status hr --wait"},
		func(ctx context.Context, c *client.Client, args []string) error {
			if wait {
				now, err := c.Status(ctx)
				if err != nil {
					return err
				}
				if err := e.enforced(ctx, c, args[0], now.Revision, patience); err != nil {
					if st, at := c.ConnectionStatus(ctx, args[0]); at == nil {
						_ = e.printPlatform(args[0], st) // what waiting ended at; the error says that it did
					}
					return err
				}
			}
			st, err := c.ConnectionStatus(ctx, args[0])
			if err == nil {
				err = e.printPlatform(args[0], st)
			}
			if err == nil && (!st.Current || openDrift(st.Drift)) {
				err = errFound
			}
			return err
		})
	status.Flags().BoolVar(&wait, "wait", false, "wait until it is current")
	status.Flags().DurationVar(&patience, "timeout", failFor, "with --wait, how long failures that are tried again are waited through")
	verify := e.verbCommand(verb{use: "verify KEY", short: "Look whether what was applied is what is enforced", args: cobra.ExactArgs(1), complete: names,
		long: "What differs is treated as the connection's setting drift says. The exit status is 3 when something differs.", example: "stead connection verify hr"},
		func(ctx context.Context, c *client.Client, args []string) error {
			drift, err := c.VerifyConnection(ctx, args[0])
			if err != nil {
				return err
			}
			return e.printDrift(drift)
		})
	return []*cobra.Command{plan, apply, script, status, verify}
}

// openDrift reports whether somebody may see more than they should.
func openDrift(drift []client.PlatformDrift) bool {
	return slices.ContainsFunc(drift, func(d client.PlatformDrift) bool { return d.Open })
}

func (e *env) printDrift(drift []client.PlatformDrift) error {
	if e.output == "json" {
		if err := e.printJSON(map[string]any{"drift": append([]client.PlatformDrift{}, drift...)}); err != nil {
			return err
		}
	} else if len(drift) == 0 {
		fmt.Fprintln(e.out, "what was applied is what is enforced")
	} else {
		e.driftLines("", drift)
	}
	if len(drift) > 0 {
		return errFound
	}
	return nil
}

func (e *env) driftLines(indent string, drift []client.PlatformDrift) {
	for _, d := range drift {
		marks := ""
		if d.Open {
			marks += ", open"
		}
		if !d.Repairable && !d.Note {
			marks += ", its owner must look"
		}
		fmt.Fprintf(e.out, "%sdrift (%s%s): %s: %s\n", indent, printable(d.Kind), marks, printable(d.Object), printable(d.What))
	}
}

func (e *env) printPlatform(key string, st *client.PlatformStatus) error {
	if e.output == "json" {
		return e.printJSON(st)
	}
	fmt.Fprintf(e.out, "%s: %s\n", printable(key), platformWords(st))
	e.platformLines("  ", st)
	return nil
}

// platformWords is where a platform stands in a few words.
func platformWords(st *client.PlatformStatus) string {
	switch {
	case st.Current:
		return fmt.Sprintf("current, enforces revision %d", st.Applied)
	case st.Phase == "applying":
		return fmt.Sprintf("applying %d of %d steps", st.Done, st.Total)
	case st.Phase == "current":
		return fmt.Sprintf("enforces revision %d of %d", st.Applied, st.World)
	}
	return fmt.Sprintf("%s, enforces revision %d of %d", printable(st.Phase), st.Applied, st.World)
}

// collectedLines say what stands in the way of records.
func (e *env) collectedLines(indent string, c *client.PlatformCollected) {
	const behind = 64 << 20
	switch {
	case c.Error != "":
		fmt.Fprintf(e.out, "%srecords: %s\n", indent, printable(c.Error))
	case c.Missing != "":
		fmt.Fprintf(e.out, "%srecords: statements are not known: %s\n", indent, printable(c.Missing))
	case c.Behind > behind:
		fmt.Fprintf(e.out, "%srecords: %d MiB of the server's log are not read yet\n", indent, c.Behind>>20)
	}
	if c.Gaps > 0 {
		fmt.Fprintf(e.out, "%srecords: %d gaps since this server started: look for --kind system and operation gap in the audit log\n", indent, c.Gaps)
	}
}

func (e *env) platformLines(indent string, st *client.PlatformStatus) {
	if st.Error != "" {
		fmt.Fprintf(e.out, "%s%s\n", indent, printable(st.Error))
	}
	if st.Retry != nil {
		fmt.Fprintf(e.out, "%stried again at %s\n", indent, st.Retry.Format(time.RFC3339))
	}
	for _, h := range st.Held {
		fmt.Fprintf(e.out, "%s%s is closed: %s\n", indent, printable(strings.Join(h.Path, ".")), printable(h.Reason))
	}
	e.driftLines(indent, st.Drift)
	if c := st.Collected; c != nil {
		e.collectedLines(indent, c)
	}
	for _, p := range st.Problems {
		fmt.Fprintf(e.out, "%sproblem: %s: %s\n", indent, printable(p.Object), printable(p.Message))
		if p.Hint != "" {
			fmt.Fprintf(e.out, "%s    %s\n", indent, printable(p.Hint))
		}
	}
}
