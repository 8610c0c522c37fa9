package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stead/client"
)

func auditVerifyCommand(e *env) *cobra.Command {
	var o offline
	var heads []string
	c := &cobra.Command{
		Use: "verify", Short: "Verify the chains: nothing altered, removed, reordered or cut off", Args: cobra.NoArgs,
		Long: `Asks the server to verify its audit log, or with --dir verifies a folder without one. It
prints the head of each chain: keep it elsewhere and give it back with --head, since only
that tells when the end was cut off. The exit status is 3 when something is wrong.`,
		Example: `  stead audit verify
  stead audit verify --head main:4711:9f2c...
  stead audit verify --dir /backup/audit --public-key 1:3b6a... --head main:4711:9f2c...`,
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "folder with the audit log, to verify without a server")
	f.StringArrayVar(&o.publicKeys, "public-key", nil, "version:hex, as `stead audit public-key` prints it (with --dir; may be repeated)")
	f.StringArrayVar(&heads, "head", nil, "head of a chain that was kept elsewhere (may be repeated)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		v, err := e.verifyAudit(c.Context(), &o, heads)
		if err != nil {
			return err
		}
		if err := e.printVerified(v); err != nil {
			return err
		}
		if !v.OK {
			return errFound
		}
		return nil
	}
	return c
}

func (e *env) verifyAudit(ctx context.Context, o *offline, heads []string) (*client.Report, error) {
	if o.dir == "" {
		c, err := e.remote()
		if err != nil {
			return nil, err
		}
		return c.VerifyAudit(ctx, heads...)
	}
	report, err := o.verify(ctx, heads)
	if err != nil {
		return nil, err
	}
	v := &client.Report{OK: report.OK(), Writers: []client.Chain{}}
	for _, p := range report.Problems {
		v.Problems = append(v.Problems, client.Damage(p))
	}
	for _, w := range report.Writers {
		v.Writers = append(v.Writers, client.Chain{Head: w.Head.String(), First: w.First, Records: w.Records, Checkpoints: w.Checkpoints,
			Unsigned: w.Unsigned, Removed: w.Removed, Unfinished: w.Unfinished})
	}
	return v, nil
}

func (e *env) printVerified(v *client.Report) error {
	if e.output == "json" {
		return e.printJSON(v)
	}
	for _, w := range v.Writers {
		fmt.Fprintf(e.out, "%d records, %d checkpoints, %d entries behind the last checkpoint\nhead %s\n", w.Records, w.Checkpoints, w.Unsigned, w.Head)
		if w.Removed > 0 {
			fmt.Fprintf(e.out, "  retention removed what is not above %d\n", w.Removed)
		}
		if w.Unfinished > 0 {
			fmt.Fprintf(e.out, "  %d bytes at the end are no whole entry: a write that goes on, or was killed\n", w.Unfinished)
		}
	}
	for _, p := range v.Problems {
		fmt.Fprintf(e.out, "%s: %s %s entry %d: %s\n", p.Kind, printable(p.Writer), printable(p.Segment), p.Seq, printable(p.Text))
	}
	if v.OK {
		_, err := fmt.Fprintln(e.out, "the audit log is whole")
		return err
	}
	_, err := fmt.Fprintf(e.out, "the audit log is NOT whole: %s\n", counted(len(v.Problems), "problem"))
	return err
}
