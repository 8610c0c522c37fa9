package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
	"stead/internal/audit"
)

func auditCommand(e *env) *cobra.Command {
	return nounCommand("audit", "The audit log: who asked, in whose stead, under which decision",
		auditSearchCommand(e), auditVerifyCommand(e), auditExportCommand(e), auditPublicKeyCommand(e))
}

// selection are the flags that choose records.
type selection struct {
	from, to, actor, subject, source, connection, query, text string
	kinds, statuses                                           []string
}

func (s *selection) flags(c *cobra.Command, e *env) {
	f := c.Flags()
	f.StringVar(&s.from, "from", "", "not before: a time, or a span before now like 24h or 7d")
	f.StringVar(&s.to, "to", "", "before: as --from")
	f.StringVar(&s.actor, "actor", "", "who asked")
	f.StringVar(&s.subject, "subject", "", "in whose stead")
	f.StringVar(&s.source, "source", "", "data source: connection:schema.table, schema.table, name or number")
	f.StringVar(&s.connection, "connection", "", "key of the connection")
	f.StringVar(&s.query, "query-id", "", "query that the record is about")
	f.StringVar(&s.text, "text", "", "looked for in statements, reasons and names")
	f.StringSliceVar(&s.kinds, "kind", nil, "kind of record (may be repeated)")
	f.StringSliceVar(&s.statuses, "status", nil, "SUCCESS, FAILURE or UNAUTHORIZED (may be repeated)")
	e.completeFlag(c, "kind", func(context.Context, *client.Client) ([]string, error) {
		return []string{string(stead.QueryIntent), string(stead.QueryOutcome), string(stead.QueryCollected), string(stead.SignIn), string(stead.Impersonate),
			string(stead.Change), string(stead.Inquiry), string(stead.System)}, nil
	})
	e.completeFlag(c, "status", func(context.Context, *client.Client) ([]string, error) {
		return []string{string(stead.Success), string(stead.Failure), string(stead.Unauthorized)}, nil
	})
	e.completeFlag(c, "source", sources().names)
}

func (s *selection) records(now time.Time) (client.Records, error) {
	r := client.Records{Actor: s.actor, Subject: s.subject, Source: s.source, Connection: s.connection, Query: s.query, Text: s.text}
	for _, k := range s.kinds {
		r.Kinds = append(r.Kinds, stead.RecordKind(k))
	}
	for _, v := range s.statuses {
		r.Statuses = append(r.Statuses, stead.RecordStatus(v))
	}
	var err error
	if s.from != "" {
		if r.From, err = pastTime(s.from, now); err != nil {
			return r, err
		}
	}
	if s.to != "" {
		r.To, err = pastTime(s.to, now)
	}
	return r, err
}

// foundRecord is a record with its place in the chain.
type foundRecord struct {
	stead.Record
	Writer string `json:"writer"`
	Seq    int64  `json:"seq"`
	Hash   string `json:"hash"`
}

func auditSearchCommand(e *env) *cobra.Command {
	var s selection
	var limit int
	var cursor string
	cmd := e.verbCommand(verb{use: "search", short: "Search records, newest first",
		long:    "Searches the audit log. It needs the permission AUDIT; owners find what touched their data.",
		example: "stead audit search --subject ana@example.com --from 24h\nstead audit search --kind query-intent --status UNAUTHORIZED --limit 20 -o json"},
		func(ctx context.Context, c *client.Client, _ []string) error {
			wanted, err := s.records(time.Now())
			if err != nil {
				return err
			}
			wanted.Cursor = cursor
			return e.searchAudit(ctx, c, wanted, limit)
		})
	s.flags(cmd, e)
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many records")
	cmd.Flags().StringVar(&cursor, "cursor", "", "continue where an earlier search ended")
	return cmd
}

func (e *env) searchAudit(ctx context.Context, c *client.Client, wanted client.Records, limit int) error {
	if limit < 1 {
		return stead.Errorf(stead.Invalid, "--limit must be above 0")
	}
	records, damaged := []foundRecord{}, 0
	for len(records) < limit {
		wanted.Limit = min(1000, limit-len(records))
		page, err := c.SearchAudit(ctx, wanted)
		if err != nil {
			return err
		}
		for _, i := range page.Items {
			records = append(records, foundRecord{Record: i.Record, Writer: i.Writer, Seq: i.Seq, Hash: i.Hash})
		}
		damaged += page.Damaged
		if wanted.Cursor = page.Next; wanted.Cursor == "" {
			break
		}
	}
	if e.output == "json" {
		return e.printJSON(map[string]any{"records": records, "next": wanted.Cursor, "damaged": damaged})
	}
	return e.printRecords(records, wanted.Cursor, damaged)
}

func (e *env) printRecords(records []foundRecord, next string, damaged int) error {
	rows := [][]string{}
	for _, f := range records {
		if f.ID == "" { // a checkpoint
			continue
		}
		rows = append(rows, []string{f.Time.Format(time.DateTime), string(f.Kind), string(f.Status), actorName(&f.Record), f.Subject.Name, whatOf(&f.Record)})
	}
	if err := e.table([]string{"TIME (UTC)", "KIND", "STATUS", "WHO ASKED", "IN STEAD OF", "WHAT"}, rows); err != nil {
		return err
	}
	if damaged > 0 {
		fmt.Fprintf(e.err, "%d lines could not be read: run `stead audit verify`\n", damaged)
	}
	if next != "" {
		fmt.Fprintf(e.err, "there are more: --cursor %s\n", next)
	}
	return nil
}

func actorName(r *stead.Record) string {
	if r.Actor.Name != "" {
		return r.Actor.Name
	}
	return r.Actor.Login
}

// whatOf is the one line that says most about a record.
func whatOf(r *stead.Record) string {
	switch {
	case r.Statement != "":
		return cutText(strings.Join(strings.Fields(r.Statement), " "), 100)
	case r.ObjectKind != "":
		return strings.Join(slices.DeleteFunc([]string{r.Operation, r.ObjectKind, r.ObjectKey}, func(s string) bool { return s == "" }), " ")
	case r.Reason != "":
		return r.Reason
	default:
		return r.Details
	}
}

func cutText(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return s
}

func auditExportCommand(e *env) *cobra.Command {
	var s selection
	var format, out string
	cmd := e.verbCommand(verb{use: "export", short: "Export records as JSON lines, oldest first",
		example: "stead audit export --from 30d --out records.jsonl\nstead audit export --format legacy > queries.jsonl"},
		func(ctx context.Context, c *client.Client, _ []string) error {
			wanted, err := s.records(time.Now())
			if err != nil {
				return err
			}
			write := func(w io.Writer) error {
				return c.ExportAudit(ctx, w, wanted, format)
			}
			if out == "" {
				return write(e.out)
			}
			return writeWhole(out, write)
		})
	s.flags(cmd, e)
	cmd.Flags().StringVar(&format, "format", string(audit.Records), "records, or legacy: one line for each data source a query touched")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	return cmd
}
