package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stead"
)

// explanation is a decision with what it was made from.
type explanation struct {
	Decision   decision         `json:"decision"`
	Groups     []string         `json:"groups,omitempty"`
	Attributes stead.Attributes `json:"attributes,omitempty"`
	Purposes   []string         `json:"purposes,omitempty"`
}

type decision struct {
	Verdict   string       `json:"verdict"`
	Object    stead.Object `json:"object"`
	Operation string       `json:"operation"`
	Subject   string       `json:"subject"`
	Actor     string       `json:"actor"`
	Project   string       `json:"project,omitempty"`
	Rows      *struct {
		Extent string `json:"extent"`
		When   string `json:"when,omitempty"`
	} `json:"rows,omitempty"`
	Columns []struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Access string `json:"access"`
		Kind   string `json:"kind,omitempty"`
		Mask   string `json:"mask,omitempty"`
	} `json:"columns,omitempty"`
	Reasons     []stead.Reason    `json:"reasons,omitempty"`
	Policies    []stead.PolicyRef `json:"policies,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Denial      *struct {
		Detail string `json:"detail"`
		Code   string `json:"code"`
		Hint   string `json:"hint,omitempty"`
	} `json:"denial,omitempty"`
	Revision int64 `json:"revision"`
}

func explainCommand(e *env) *cobra.Command {
	var as, project, operation string
	c := e.verbCommand(verb{use: "explain SOURCE", short: "Say what somebody sees of a data source, and why", args: cobra.ExactArgs(1), complete: sources().names,
		long: `Decides what a user or agent may do with a data source and says why: which policy, which
rule, which fact. About others it needs the permission GOVERNANCE or AUDIT; it is recorded.`,
		example: "stead explain lake:demo.hr_data\nstead explain --as ana@example.com lake:demo.hr_data\nstead explain --as pia@example.com --project headcount lake:demo.hr_data -o json"},
		func(ctx context.Context, r *remote, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			question := map[string]any{"object": o, "operation": operation}
			if as != "" {
				question["subject"] = as
			}
			if project != "" {
				question["project"] = project
			}
			var x explanation
			if _, err := r.call(ctx, http.MethodPost, "/v1/explain", nil, question, &x); err != nil {
				return err
			}
			if e.output == "json" {
				return e.printJSON(&x)
			}
			_, err = fmt.Fprint(e.out, x.text())
			return err
		})
	c.Flags().StringVar(&as, "as", "", "user or agent to explain (default: yourself)")
	c.Flags().StringVar(&project, "project", "", "project to act in (default: the one it acts in)")
	c.Flags().StringVar(&operation, "operation", "read", "list, read, insert, update, delete or define")
	e.completeFlag(c, "as", identities().names)
	return e.completeFlag(c, "project", projects().names)
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
	d.writeRows(&b)
	d.writeColumns(&b)
	d.writeReasons(&b)
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

func (d *decision) writeRows(b *strings.Builder) {
	if d.Rows == nil {
		return
	}
	switch {
	case d.Rows.Extent == "always":
		b.WriteString("rows: all\n")
	case d.Rows.Extent == "never":
		b.WriteString("rows: none\n")
	case d.Rows.When != "":
		fmt.Fprintf(b, "rows: where %s\n", printable(d.Rows.When))
	default:
		b.WriteString("rows: some\n")
	}
}

func (d *decision) writeColumns(b *strings.Builder) {
	var clear []string
	for _, c := range d.Columns {
		if c.Access == "clear" {
			clear = append(clear, printable(c.Name))
		}
	}
	if len(clear) > 0 {
		fmt.Fprintf(b, "columns as they are: %s\n", strings.Join(clear, ", "))
	}
	for _, c := range d.Columns {
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

func (d *decision) writeReasons(b *strings.Builder) {
	if len(d.Reasons) == 0 {
		return
	}
	b.WriteString("because\n")
	for _, r := range d.Reasons {
		b.WriteString("  " + printable(reasonText(r)) + "\n")
	}
}

// reasonText reads "mask ssn by policy personal-data, rule 1: has no value ...".
func reasonText(r stead.Reason) string {
	s := string(r.Effect)
	if r.Column != "" {
		s += " of " + r.Column
	}
	if r.Policy != "" {
		s += " by policy " + r.Policy
		if r.Rule >= 0 {
			s += fmt.Sprintf(", rule %d", r.Rule+1)
		}
	}
	return s + ": " + r.Fact
}
