package audit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"stead"
)

// Filter selects records; a zero member selects all. What is given must all hold.
type Filter struct {
	From time.Time // not before
	To   time.Time // before
	// Actor is a user name or login, Subject a user name.
	Actor   string
	Subject string
	// Source is a data source's number, name, path ("schema.table") or object ("connection:schema.table").
	Source string
	// Sources limits to records with a target among these, for owners that see their sources only: of a record they see these
	// targets, its statement when it has no others, and not what is known about the subject. Nil limits nothing; empty selects nothing.
	Sources    []stead.SourceID
	Connection string
	QueryID    string
	Kinds      []stead.RecordKind
	Statuses   []stead.RecordStatus
	// Text is looked for in statement, reason, cause, details, application and names, ASCII letters in either case.
	Text string
}

// passes reports whether a segment may hold what is selected.
func (f *Filter) passes(x *index) bool {
	if x.Count == 0 || !f.From.IsZero() && x.Max.Before(f.From) || !f.To.IsZero() && !x.Min.Before(f.To) {
		return false
	}
	any := func(kind string, values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return x.has(term(kind, v)) })
	}
	return (f.Actor == "" || any("actor", []string{f.Actor})) &&
		(f.Subject == "" || any("subject", []string{f.Subject})) &&
		(len(f.Kinds) == 0 || any("kind", texts(f.Kinds))) &&
		(len(f.Statuses) == 0 || any("status", texts(f.Statuses))) &&
		(f.Sources == nil || slices.ContainsFunc(f.Sources, func(id stead.SourceID) bool {
			return x.has(term("source", strconv.FormatInt(int64(id), 10)))
		}))
}

func texts[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

// shown is what the filter's owner may see of a record. It comes before match, so that nobody finds by what is not shown.
func (f *Filter) shown(r *stead.Record) *stead.Record {
	if f.Sources == nil {
		return r
	}
	out := *r
	out.Subject.Groups, out.Subject.Attributes = nil, nil
	out.Targets = nil
	for _, t := range r.Targets {
		if t.Source != 0 && slices.Contains(f.Sources, t.Source) {
			out.Targets = append(out.Targets, t)
		}
	}
	if len(out.Targets) < len(r.Targets) {
		out.Statement = ""
	}
	return &out
}

// match reports whether the record is selected.
func (f *Filter) match(r *stead.Record) bool {
	switch {
	case !f.From.IsZero() && r.Time.Before(f.From),
		!f.To.IsZero() && !r.Time.Before(f.To),
		f.Actor != "" && f.Actor != r.Actor.Name && f.Actor != r.Actor.Login,
		f.Subject != "" && f.Subject != r.Subject.Name,
		f.Connection != "" && f.Connection != r.Connection,
		f.QueryID != "" && f.QueryID != r.QueryID,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, r.Kind),
		len(f.Statuses) > 0 && !slices.Contains(f.Statuses, r.Status):
		return false
	}
	target := func(ok func(*stead.RecordTarget) bool) bool {
		for i := range r.Targets {
			if ok(&r.Targets[i]) {
				return true
			}
		}
		return false
	}
	if f.Source != "" && !target(f.isSource) {
		return false
	}
	if f.Sources != nil && !target(func(t *stead.RecordTarget) bool { return t.Source != 0 && slices.Contains(f.Sources, t.Source) }) {
		return false
	}
	return f.Text == "" || f.hasText(r)
}

func (f *Filter) isSource(t *stead.RecordTarget) bool {
	return f.Source == t.SourceName || f.Source == t.Object.String() || f.Source == strings.Join(t.Object.Path, ".") ||
		t.Source != 0 && f.Source == strconv.FormatInt(int64(t.Source), 10)
}

func (f *Filter) hasText(r *stead.Record) bool {
	needle := lower(f.Text)
	for _, s := range []string{r.Statement, r.Reason, r.Cause, r.Details, r.Application, r.ObjectKey, r.Actor.Name, r.Actor.Login, r.Subject.Name, r.Connection} {
		if strings.Contains(lower(s), needle) {
			return true
		}
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		if strings.Contains(lower(t.Object.String()), needle) || strings.Contains(lower(t.SourceName), needle) {
			return true
		}
	}
	return false
}

// lower lowers ASCII letters only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
