package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

// explanation is a decision with what it was made from, as people read it.
type explanation client.Explanation

func explainCommand(e *env) *cobra.Command {
	var as, project, operation string
	cmd := e.verbCommand(verb{use: "explain SOURCE", short: "Say what somebody sees of a data source, and why", args: cobra.ExactArgs(1), complete: sources().names,
		long: `Decides what a user or agent may do with a data source and says why: which policy, which
rule, which fact. About others it needs the permission GOVERNANCE or AUDIT; it is recorded.`,
		example: "stead explain lake:demo.hr_data\nstead explain --as ana@example.com lake:demo.hr_data\nstead explain --as pia@example.com --project headcount lake:demo.hr_data -o json"},
		func(ctx context.Context, c *client.Client, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			q := client.Question{Object: o, Operation: operation, Subject: as}
			if project != "" {
				q.Project = &project
			}
			x, err := c.Explain(ctx, q)
			if err != nil {
				return err
			}
			if e.output == "json" {
				return e.printJSON(x)
			}
			_, err = fmt.Fprint(e.out, (*explanation)(x).text())
			return err
		})
	cmd.Flags().StringVar(&as, "as", "", "user or agent to explain (default: yourself)")
	cmd.Flags().StringVar(&project, "project", "", "project to act in (default: the one it acts in)")
	cmd.Flags().StringVar(&operation, "operation", "read", "list, read, insert, update, delete or define")
	e.completeFlag(cmd, "as", identities().names)
	return e.completeFlag(cmd, "project", projects().names)
}

// text is the explanation for people.
func (x *explanation) text() string {
	var b strings.Builder
	d := &x.Decision
	fmt.Fprintf(&b, "%s may %s%s %s", printable(d.Subject), negation(d.Verdict), d.Operation, printable(d.Object.String()))
	if d.Project != "" {
		fmt.Fprintf(&b, ", acting in project %s", printable(d.Project))
	}
	b.WriteByte('\n')
	if d.Denial != nil {
		fmt.Fprintf(&b, "  refused: %s\n", printable(d.Denial.Detail))
		if d.Denial.Hint != "" {
			fmt.Fprintf(&b, "  (%s)\n", printable(d.Denial.Hint))
		}
	}
	x.writeFacts(&b)
	writeRows(&b, d.Rows)
	writeColumns(&b, d.Columns)
	writeReasons(&b, d.Reasons)
	return b.String()
}

func negation(verdict string) string {
	if verdict == "allow" {
		return ""
	}
	return "not "
}

func (x *explanation) writeFacts(b *strings.Builder) {
	if len(x.Groups) > 0 {
		fmt.Fprintf(b, "  groups: %s\n", printable(strings.Join(x.Groups, ", ")))
	}
	var keys []string
	for k := range x.Attributes {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fmt.Fprintf(b, "  attribute %s: %s\n", printable(k), printable(strings.Join(x.Attributes[k], ", ")))
	}
	if len(x.Purposes) > 0 {
		fmt.Fprintf(b, "  purposes: %s\n", printable(strings.Join(x.Purposes, ", ")))
	}
}

func writeRows(b *strings.Builder, r *client.Rows) {
	if r == nil {
		return
	}
	switch {
	case r.Extent == "always":
		b.WriteString("rows: all\n")
	case r.Extent == "never":
		b.WriteString("rows: none\n")
	case r.When != "":
		fmt.Fprintf(b, "rows: where %s\n", printable(r.When))
	default:
		b.WriteString("rows: some\n")
	}
}

func writeColumns(b *strings.Builder, columns []client.Column) {
	var clear []string
	for _, c := range columns {
		if c.Access == "clear" {
			clear = append(clear, printable(c.Name))
		}
	}
	if len(clear) > 0 {
		fmt.Fprintf(b, "columns as they are: %s\n", strings.Join(clear, ", "))
	}
	for _, c := range columns {
		switch {
		case c.Access == "masked" && c.Mask != "":
			fmt.Fprintf(b, "column %s: masked (%s): %s\n", printable(c.Name), c.Kind, printable(c.Mask))
		case c.Access == "masked":
			fmt.Fprintf(b, "column %s: masked (%s)\n", printable(c.Name), c.Kind)
		case c.Access != "clear":
			fmt.Fprintf(b, "column %s: denied\n", printable(c.Name))
		}
	}
}

func writeReasons(b *strings.Builder, reasons []stead.Reason) {
	if len(reasons) == 0 {
		return
	}
	b.WriteString("because\n")
	for _, r := range reasons {
		b.WriteString("  " + printable(reasonText(r)) + "\n")
	}
}

// reasonText reads "email masked by policy personal-data, rule 1: has no value ...".
func reasonText(r stead.Reason) string {
	words := map[stead.Effect]string{stead.Granted: "access granted", stead.Refused: "access refused", stead.RowsLeft: "rows limited",
		stead.RowsExempt: "rows not limited", stead.Masked: "masked", stead.MaskExempt: "not masked"}
	s := words[r.Effect]
	if s == "" {
		s = string(r.Effect)
	}
	if r.Column != "" {
		s = r.Column + " " + s
	}
	if r.Policy != "" {
		s += " by policy " + r.Policy
		if r.Rule >= 0 {
			s += fmt.Sprintf(", rule %d", r.Rule+1)
		}
	}
	return s + ": " + r.Fact
}
