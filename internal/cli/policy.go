package cli

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/spf13/cobra"

	"stead/client"

	"stead/internal/conformance"
)

func policies() *resource[client.Policy] {
	return &resource[client.Policy]{list: (*client.Client).Policies, header: []string{"KEY", "TYPE", "STATE", "REVISION", "BUNDLE", "NAME"},
		row: func(p *client.Policy) []string {
			var doc struct {
				PolicyKey, Name, Type string
				Staged                bool
			}
			if err := json.Unmarshal(p.Policy, &doc); err != nil {
				return []string{"?", "", "", "", "", "unreadable: " + err.Error()}
			}
			state := "active"
			if doc.Staged {
				state = "staged"
			}
			return []string{doc.PolicyKey, doc.Type, state, strconv.FormatInt(p.Revision, 10), p.Bundle, doc.Name}
		}}
}

func policyCommand(e *env) *cobra.Command {
	const example = "personal-data"
	list := policies()
	show := e.verbCommand(verb{use: "show KEY", short: "Show one policy", example: "stead policy show " + example + "\nstead policy show " + example + " -o json",
		args: cobra.ExactArgs(1), complete: list.names},
		func(ctx context.Context, c *client.Client, args []string) error {
			p, _, err := c.Policy(ctx, args[0])
			if err != nil {
				return err
			}
			return e.showDocument(p.Policy)
		})
	return nounCommand("policy", "Policies; they are written in bundles and applied with `stead apply`",
		list.listCommand(e, "policy", "policies"), show,
		deleteCommand(e, "policy", example, unkeyed((*client.Client).DeletePolicy), list.names),
		policyTestCommand(e))
}

func policyTestCommand(e *env) *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use: "test PATH...", Short: "Run test cases of policies, without a server", Args: cobra.MinimumNArgs(1),
		Long: `Runs documents of kind Test in files and folders: each gives documents, tables with rows,
who asks, and what must come out. Documents of files without
a case are given to all cases. The exit status is 3 when a case fails.`,
		Example: "  stead policy test tests/\n  stead policy test personal-data.test.yaml -v",
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print the cases that hold, too")
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := conformance.TestPath(c.Context(), e.out, verbose, args...)
		return failedCases(s, err)
	}
	return c
}

func failedCases(s conformance.Summary, err error) error {
	if err == nil && s.Failed > 0 {
		return errFound
	}
	return err
}

func conformanceCommand(e *env) *cobra.Command {
	var engines []string
	var verbose bool
	var doc string
	c := &cobra.Command{
		Use: "conformance [PATH...]", Short: "Run the corpus on engines",
		Long: `Runs every case of the corpus on every engine named and compares the answers with what the
cases promise. Without PATH it is policy/testdata/corpus. The exit status is 3 when one fails.`,
		Example: "  stead conformance --engines interpreter,gateway\n  stead conformance --doc docs/conformance.md",
	}
	c.Flags().StringSliceVar(&engines, "engines", nil, "engines to run (default: all that run here)")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print the cases that hold, too")
	c.Flags().StringVar(&doc, "doc", "", "write the page about engines, cases and exceptions into this file when nothing failed")
	e.completeFlag(c, "engines", func(context.Context, *client.Client) ([]string, error) { return conformance.EngineNames(), nil })
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{"policy/testdata/corpus"}
		}
		s, err := conformance.Run(c.Context(), e.out, conformance.Options{Paths: args, Engines: engines, Verbose: verbose, Doc: doc})
		return failedCases(s, err)
	}
	return c
}
