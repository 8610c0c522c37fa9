package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead"
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
	e.completeFlag(c, "kind", func(context.Context, *remote) ([]string, error) {
		return []string{string(stead.QueryIntent), string(stead.QueryOutcome), string(stead.SignIn), string(stead.Impersonate),
			string(stead.Change), string(stead.Inquiry), string(stead.System)}, nil
	})
	e.completeFlag(c, "status", func(context.Context, *remote) ([]string, error) {
		return []string{string(stead.Success), string(stead.Failure), string(stead.Unauthorized)}, nil
	})
	e.completeFlag(c, "source", sources().names)
}

func (s *selection) values(now time.Time) (url.Values, error) {
	q := url.Values{}
	for name, v := range map[string]string{"actor": s.actor, "subject": s.subject, "source": s.source, "connection": s.connection,
		"queryId": s.query, "text": s.text, "kind": strings.Join(s.kinds, ","), "status": strings.Join(s.statuses, ",")} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for name, v := range map[string]string{"from": s.from, "to": s.to} {
		if v == "" {
			continue
		}
		at, err := pastTime(v, now)
		if err != nil {
			return nil, err
		}
		q.Set(name, at.Format(time.RFC3339Nano))
	}
	return q, nil
}

// pastTime reads a span before now, or a point in time.
func pastTime(text string, now time.Time) (time.Time, error) {
	at, err := expiryTime(text, now)
	if err == nil && !strings.ContainsRune(text, '-') { // points in time have dashes, spans have none
		at = now.Add(-at.Sub(now)).UTC()
	}
	return at, err
}

// foundRecord is a record with its place in the chain.
type foundRecord struct {
	*stead.Record
	Writer string `json:"writer"`
	Seq    int64  `json:"seq"`
	Hash   string `json:"hash"`
}

func auditSearchCommand(e *env) *cobra.Command {
	var s selection
	var limit int
	var cursor string
	c := e.verbCommand(verb{use: "search", short: "Search records, newest first",
		long:    "Searches the audit log. It needs the permission AUDIT; owners find what touched their data.",
		example: "stead audit search --subject ana@example.com --from 24h\nstead audit search --kind query-intent --status UNAUTHORIZED --limit 20 -o json"},
		func(ctx context.Context, r *remote, _ []string) error {
			query, err := s.values(time.Now())
			if err != nil {
				return err
			}
			return e.searchAudit(ctx, r, query, limit, cursor)
		})
	s.flags(c, e)
	c.Flags().IntVar(&limit, "limit", 100, "at most so many records")
	c.Flags().StringVar(&cursor, "cursor", "", "continue where an earlier search ended")
	return c
}

func (e *env) searchAudit(ctx context.Context, r *remote, query url.Values, limit int, cursor string) error {
	if limit < 1 {
		return stead.Errorf(stead.Invalid, "--limit must be above 0")
	}
	records, damaged := []foundRecord{}, 0
	for len(records) < limit {
		var page struct {
			Items []struct {
				Writer string        `json:"writer"`
				Seq    int64         `json:"seq"`
				Hash   string        `json:"hash"`
				Record *stead.Record `json:"record"`
			} `json:"items"`
			Next    string `json:"next"`
			Damaged int    `json:"damaged"`
		}
		query.Set("limit", itoa(int64(min(1000, limit-len(records)))))
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		if _, err := r.call(ctx, http.MethodGet, "/v1/audit/records", query, nil, &page); err != nil {
			return err
		}
		for _, i := range page.Items {
			records = append(records, foundRecord{Record: i.Record, Writer: i.Writer, Seq: i.Seq, Hash: i.Hash})
		}
		damaged += page.Damaged
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if e.output == "json" {
		return e.printJSON(map[string]any{"records": records, "next": cursor, "damaged": damaged})
	}
	return e.printRecords(records, cursor, damaged)
}

func (e *env) printRecords(records []foundRecord, next string, damaged int) error {
	rows := [][]string{}
	for _, f := range records {
		if f.Record == nil {
			continue
		}
		rows = append(rows, []string{f.Time.Format(time.DateTime), string(f.Kind), string(f.Status), actorName(f.Record), f.Subject.Name, whatOf(f.Record)})
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

// verified is what verification says, from the server and offline alike.
type verified struct {
	OK       bool            `json:"ok"`
	Writers  []verifiedChain `json:"writers"`
	Problems []audit.Problem `json:"problems,omitempty"`
}

type verifiedChain struct {
	Head        string `json:"head"`
	First       int64  `json:"first"`
	Records     int64  `json:"records"`
	Checkpoints int64  `json:"checkpoints"`
	Unsigned    int64  `json:"unsigned"`
	Removed     int64  `json:"removed,omitempty"`
	Unfinished  int64  `json:"unfinished,omitempty"`
}

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

func (e *env) verifyAudit(ctx context.Context, o *offline, heads []string) (*verified, error) {
	v := &verified{}
	if o.dir == "" {
		r, err := e.remote()
		if err != nil {
			return nil, err
		}
		_, err = r.call(ctx, http.MethodPost, "/v1/audit/verify", nil, map[string]any{"heads": append([]string{}, heads...)}, v)
		return v, err
	}
	report, err := o.verify(ctx, heads)
	if err != nil {
		return nil, err
	}
	v.OK, v.Problems = report.OK(), report.Problems
	for _, w := range report.Writers {
		v.Writers = append(v.Writers, verifiedChain{Head: w.Head.String(), First: w.First, Records: w.Records, Checkpoints: w.Checkpoints,
			Unsigned: w.Unsigned, Removed: w.Removed, Unfinished: w.Unfinished})
	}
	return v, nil
}

func (e *env) printVerified(v *verified) error {
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

func auditExportCommand(e *env) *cobra.Command {
	var s selection
	var format, out string
	c := e.verbCommand(verb{use: "export", short: "Export records as JSON lines, oldest first",
		example: "stead audit export --from 30d --out records.jsonl\nstead audit export --format legacy > queries.jsonl"},
		func(ctx context.Context, r *remote, _ []string) error {
			query, err := s.values(time.Now())
			if err != nil {
				return err
			}
			query.Set("format", format)
			write := func(w io.Writer) error {
				_, err := r.call(ctx, http.MethodGet, "/v1/audit/export", query, nil, w)
				return err
			}
			if out == "" {
				return write(e.out)
			}
			return writeWhole(out, write)
		})
	s.flags(c, e)
	c.Flags().StringVar(&format, "format", string(audit.Records), "records, or legacy: one line for each data source a query touched")
	c.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	return c
}
