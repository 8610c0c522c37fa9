package bundle

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
	"stead/internal/store/sqlite"
	"stead/policy/expr"
)

var ctx = context.Background()

// world is a store with an administrator, and a connection's content for crawls.
type world struct {
	t       *testing.T
	store   store.Store
	govern  *govern.Service
	admin   govern.Caller
	content []govern.Discovered
	crawls  int
	unseen  error // of crawls
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	clock := func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	w := &world{t: t, store: s, govern: govern.New(s, clock)}
	if _, err := w.govern.Bootstrap(ctx); err != nil {
		t.Fatal(err)
	}
	w.admin = w.as("admin")
	w.content = demoTables()
	return w
}

func (w *world) as(name string) govern.Caller {
	w.t.Helper()
	var out govern.Caller
	err := w.store.View(ctx, func(r store.Reader) error {
		row, err := r.Find(ctx, store.Identities, store.IdentityKey(stead.DefaultIAM, name))
		if err != nil {
			return err
		}
		i, err := store.Decode[stead.Identity](row)
		out = govern.Caller{Actor: stead.Actor{Login: name, Identity: i.ID, IAM: i.IAM, Name: i.Name, Kind: i.Kind}}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// Crawl implements govern.Crawler.
func (w *world) Crawl(context.Context, stead.Connection) ([]govern.Discovered, error) {
	w.crawls++
	return w.content, w.unseen
}

func demoTables() []govern.Discovered {
	table := func(name string, columns ...string) govern.Discovered {
		d := govern.Discovered{Path: []string{"demo", name}, Location: "demo/" + name + ".parquet"}
		for _, c := range columns {
			d.Columns = append(d.Columns, stead.Column{Name: c, Type: expr.Type{Kind: expr.Text}, Nullable: true})
		}
		return d
	}
	hr := table("hr_data", "ssn", "email", "last_name", "race", "dept")
	hr.Columns = append(hr.Columns, stead.Column{Name: "salary", Type: expr.Type{Kind: expr.Int}})
	return []govern.Discovered{hr, table("departments", "id"), table("reviews", "id"), table("payroll", "id")}
}

func env(name string) (string, bool) { return "/data/" + strings.ToLower(name), name != "UNSET" }

func read(t *testing.T, text string) *Bundle {
	t.Helper()
	b, err := Read([]File{{"b.yaml", []byte(text)}}, env)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *world) apply(text string, o Options) *Plan {
	w.t.Helper()
	p, err := read(w.t, text).Apply(ctx, w.govern, w.admin, w, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) revision() stead.Revision {
	w.t.Helper()
	r, err := w.store.Revision(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func demo(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/demo/bundle.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
