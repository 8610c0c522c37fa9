// Package conformance runs the corpus: cases that say, line by line of docs/semantics.md, what
// must come out, on every engine that can run here.
package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stead"
	"stead/internal/bundle"
	"stead/internal/decide"
	"stead/policy/expr"
)

// connection is the one that the tables of a case lie on unless its documents say otherwise.
const connection = "lake"

// Case is a test made ready: its world and its rows.
type Case struct {
	bundle.Test
	delta  decide.Delta
	tables []*table
	read   *table // what is read whole
	at     time.Time
	number int
}

// table is a data source of a case, or an unregistered table, with its rows.
type table struct {
	def        *stead.DataSource
	registered bool
	view       string
	rows       [][]expr.Value
}

// where is the table's path.
func (t *table) where() string { return strings.Join(t.def.Path, ".") }

// Load reads the cases of files and folders, in the order of their names. The documents of a file are given to
// its own cases; those of files without a case to all cases.
func Load(paths ...string) ([]*Case, error) {
	var tests []bundle.Test
	var shared []bundle.Given
	for _, p := range paths {
		files, err := find(p)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			own, err := bundle.Tests(f, src)
			if err != nil {
				return nil, err
			}
			tests = append(tests, own...)
			if len(own) > 0 {
				continue
			}
			more, err := bundle.Documents(f, src)
			if err != nil {
				return nil, err
			}
			shared = append(shared, more...)
		}
	}
	var out []*Case
	for _, t := range tests {
		t.Documents = append(slices.Clone(shared), t.Documents...)
		c, err := prepare(t)
		if err != nil {
			return nil, at(t.Place, err)
		}
		c.number = len(out) + 1
		out = append(out, c)
	}
	return out, nil
}

func at(p stead.Place, err error) error {
	if e := stead.AsError(err); e.Code != stead.Internal {
		if e.Place.File == "" {
			return e.At(p)
		}
		return e
	}
	return stead.Errorf(stead.Invalid, "%s", err).At(p)
}

func find(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, stead.Errorf(stead.NotFound, "%s cannot be read", path).WithCause(err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var out []string
	err = filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(p)) {
			out = append(out, p)
		}
		return err
	})
	return out, err
}

// someTime is when a case asks that says nothing about it.
var someTime = time.Date(2026, 5, 17, 12, 30, 45, 123456000, time.UTC)

func prepare(t bundle.Test) (*Case, error) {
	c := &Case{Test: t, at: someTime}
	if t.Asker.At != "" {
		at, err := time.Parse(time.RFC3339Nano, t.Asker.At)
		if err != nil {
			return nil, fmt.Errorf("asker.at: %q is not a time like 2026-05-17T12:30:45Z", t.Asker.At)
		}
		c.at = at.UTC()
	}
	b := &builder{c: c}
	for _, g := range t.Documents {
		if err := b.add(g); err != nil {
			return nil, at(g.Place, err)
		}
	}
	for i := range t.Tables {
		if err := b.table(&t.Tables[i]); err != nil {
			return nil, fmt.Errorf("tables[%d]: %w", i, err)
		}
	}
	b.finish()
	c.delta = b.delta
	return c, c.choose()
}

// steps are what the session does before it asks.
func (c *Case) steps() []bundle.TestStep {
	var out []bundle.TestStep
	if c.Asker.Impersonating != "" {
		out = append(out, bundle.TestStep{Impersonate: c.Asker.Impersonating})
	}
	if c.Asker.Project != "" {
		out = append(out, bundle.TestStep{Project: c.Asker.Project})
	}
	return append(out, c.Asker.Steps...)
}

// operation is what is done to the source.
func (c *Case) operation() (stead.Operation, error) {
	if c.Operation == "" {
		return stead.Read, nil
	}
	for op := stead.List; op <= stead.Define; op++ {
		if op.String() == c.Operation {
			return op, nil
		}
	}
	return stead.UnknownOperation, fmt.Errorf("operation %q is not known", c.Operation)
}

// choose finds the table that is read whole.
func (c *Case) choose() error {
	if len(c.tables) == 0 {
		return fmt.Errorf("tables: at least one is needed")
	}
	if c.Source == "" {
		c.read = c.tables[0]
		return nil
	}
	for _, t := range c.tables {
		if t.where() == c.Source {
			c.read = t
			return nil
		}
	}
	path := strings.Split(c.Source, ".")
	c.read = &table{def: &stead.DataSource{Connection: connection, Path: path}}
	return nil
}

// columns are those that are read, with their places in the source.
func (c *Case) columns() ([]int, error) {
	var out []int
	for i := range c.read.def.Columns {
		if len(c.Expect.Columns) == 0 {
			out = append(out, i)
		}
	}
	for _, name := range c.Expect.Columns {
		i := slices.IndexFunc(c.read.def.Columns, func(x stead.Column) bool { return x.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("expect.columns: there is no column %q", name)
		}
		out = append(out, i)
	}
	return out, nil
}

// expected are the rows as they must come out, shown and sorted.
func (c *Case) expected(types []expr.Type) ([]string, error) {
	var out []string
	for i, r := range c.Expect.Rows {
		if len(r) != len(types) {
			return nil, fmt.Errorf("expect.rows[%d] has %d values, not %d", i, len(r), len(types))
		}
		row := make([]string, len(r))
		for j, x := range r {
			v, err := valueOf(x, types[j])
			if err != nil {
				return nil, fmt.Errorf("expect.rows[%d][%d]: %w", i, j, err)
			}
			row[j] = show(v, types[j])
		}
		out = append(out, strings.Join(row, " | "))
	}
	slices.Sort(out)
	return out, nil
}
