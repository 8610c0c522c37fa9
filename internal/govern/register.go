package govern

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stead"
	"stead/internal/push"
	"stead/internal/store"
)

// Crawler looks at what a connection holds. It is implemented by the engine's room.
type Crawler interface {
	Crawl(ctx context.Context, c stead.Connection) ([]Discovered, error)
}

// Discovered is one table that a crawl found.
type Discovered struct {
	Path     []string
	Location string
	Columns  []stead.Column // without tags
	// Reads are the tables and views that a view reads, as far as the platform knows; it does not know what functions read.
	Reads [][]string
	// Problem says why the table cannot be served, for example files whose columns differ; "" when it can.
	Problem string
}

// Finding compares a discovered table with what is registered.
type Finding struct {
	// Source is what to put to register what was found: for a registered table with its tags, owners
	// and description kept.
	Source  stead.DataSource
	Status  FindingStatus
	Changes []string // what differs from what is registered, and what to know before it is
}

// FindingStatus is how a discovered table relates to what is registered.
type FindingStatus string

// The statuses.
const (
	Found      FindingStatus = "new"
	Same       FindingStatus = "same"
	Changed    FindingStatus = "changed"
	Gone       FindingStatus = "gone" // registered, and not found
	Unreadable FindingStatus = "unreadable"
)

// Glance crawls a connection only to warn: the warning says why it cannot be looked at, "" when it can. It takes a few seconds at
// most: of what takes longer, or has no crawler, nothing is found and nothing said. The caller has checked the right to look.
func Glance(ctx context.Context, crawler Crawler, c stead.Connection) (found []Discovered, warning string) {
	if crawler == nil {
		return nil, ""
	}
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := crawler.Crawl(ctx, c)
	switch {
	case ctx.Err() != nil:
		return nil, ""
	case err != nil:
		return nil, "its data cannot be looked at now: " + stead.AsError(err).Message
	}
	return found, ""
}

// Crawl looks at a connection and says what could be registered and what has changed since it was. It changes nothing: putting a
// finding's source is the look that a drifted table waits for. For CREATE_DATA_SOURCE and APPLICATION_ADMIN.
func (s *Service) Crawl(ctx context.Context, c Caller, crawler Crawler, connection string) ([]Finding, error) {
	var conn *stead.Connection
	registered := map[string]*stead.DataSource{}
	err := s.view(ctx, c, func(r store.Reader, who *stead.Identity) error {
		err := holdsOne(who, "look for data sources", []stead.Permission{stead.CreateDataSource, stead.ApplicationAdmin})
		if err != nil {
			return err
		}
		if conn, _, err = find[stead.Connection](ctx, r, store.Connections, connection); err != nil {
			return err
		}
		if conn == nil {
			return missing(store.Connections, connection)
		}
		return every(ctx, r, store.DataSources, func(_ store.Row, d *stead.DataSource) error {
			if d.Connection == connection {
				registered[store.SourceKey(d.Object())] = d
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	discovered, err := crawler.Crawl(ctx, *conn)
	if err != nil {
		return nil, err
	}
	over := goesRound(conn, discovered, registered)
	return compare(connection, discovered, registered, over), nil
}

// goesRound says of views that they read registered tables: platforms that enforce refuse those, unless the connection's settings let them.
func goesRound(c *stead.Connection, discovered []Discovered, registered map[string]*stead.DataSource) map[string]string {
	out := map[string]string{}
	settings, err := push.ParseSettings(c.Settings)
	for _, d := range discovered {
		if err == nil && slices.Contains(settings.KeepDependents, strings.Join(d.Path, ".")) {
			continue
		}
		for _, path := range d.Reads {
			read := stead.DataSource{Connection: c.Key, Path: path}
			if registered[store.SourceKey(read.Object())] != nil {
				out[strings.Join(d.Path, "\x1f")] = "reads " + strings.Join(path, ".") + ", which is registered: it is shown to nobody until an administrator lists it in keep_dependents"
				break
			}
		}
	}
	return out
}

func compare(connection string, discovered []Discovered, registered map[string]*stead.DataSource, over map[string]string) []Finding {
	var out []Finding
	for _, d := range discovered {
		found := stead.DataSource{Connection: connection, Path: d.Path, Location: d.Location, Columns: d.Columns, State: stead.Active}
		key := store.SourceKey(found.Object())
		old := registered[key]
		delete(registered, key)
		f := finding(found, d.Problem, old)
		if says := over[strings.Join(d.Path, "\x1f")]; says != "" {
			f.Changes = append(f.Changes, says)
		}
		out = append(out, f)
	}
	for _, d := range registered {
		out = append(out, Finding{Source: *d, Status: Gone, Changes: []string{"is not there any more"}})
	}
	slices.SortFunc(out, func(a, b Finding) int { return slices.Compare(a.Source.Path, b.Source.Path) })
	return out
}

func finding(found stead.DataSource, problem string, old *stead.DataSource) Finding {
	f := Finding{Source: found, Status: Found}
	if old != nil {
		f.Source = *old
		f.Source.Columns, f.Changes = keepTags(old.Columns, found.Columns)
		if old.Location != "" && found.Location != "" && old.Location != found.Location {
			f.Changes = append(f.Changes, "its location was "+old.Location)
			f.Source.Location = found.Location
		}
		f.Status = Same
		if len(f.Changes) > 0 || old.State == stead.Drifted {
			f.Status, f.Source.State, f.Source.Reason = Changed, stead.Active, ""
		}
	}
	if problem != "" {
		f.Status, f.Changes = Unreadable, append(f.Changes, problem)
	}
	return f
}

// keepTags gives the columns found the tags they had, and says what differs.
func keepTags(old, found []stead.Column) (columns []stead.Column, changes []string) {
	had := map[string]stead.Column{}
	for _, c := range old {
		had[c.Name] = c
	}
	columns = slices.Clone(found)
	for i, c := range columns {
		was, ok := had[c.Name]
		delete(had, c.Name)
		if !ok {
			changes = append(changes, fmt.Sprintf("column %s is new", c.Name))
			continue
		}
		columns[i].Tags = was.Tags
		if was.Type.String() != c.Type.String() || was.Type.Native != c.Type.Native {
			changes = append(changes, fmt.Sprintf("column %s was %s and is %s", c.Name, was.Type, c.Type))
		}
	}
	for _, c := range old {
		if _, gone := had[c.Name]; gone {
			changes = append(changes, fmt.Sprintf("column %s is not there any more", c.Name))
		}
	}
	if len(changes) == 0 && !slices.EqualFunc(old, found, func(a, b stead.Column) bool { return a.Name == b.Name }) {
		changes = append(changes, "its columns are in another order")
	}
	return columns, changes
}

// MarkDrifted stops serving a registered table whose data no longer fits its registration, until somebody looks at it. It only takes away,
// so it needs no caller; for the engine's room only. Marking again changes nothing.
func (s *Service) MarkDrifted(ctx context.Context, o stead.Object, reason string) error {
	_, err := s.store.Update(ctx, func(st store.Tx) error {
		t := &tx{Tx: st, now: s.now().UTC(), caller: Caller{Actor: stead.Actor{Login: "system", Method: "local"}}}
		old, row, err := find[stead.DataSource](ctx, t, store.DataSources, store.SourceKey(o))
		if err == nil && old == nil {
			err = missing(store.DataSources, o.String())
		}
		if err != nil || old.State != stead.Active {
			return err
		}
		if err := checkText("reason", reason, 4096); err != nil {
			return err
		}
		d := *old
		d.State, d.Reason = stead.Drifted, reason
		_, err = t.writeSource(ctx, row, old, &d)
		return err
	})
	return err
}
