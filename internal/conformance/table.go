package conformance

import (
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/bundle"
	"stead/policy/expr"
)

// dataSource takes the tables of a document; their rows follow in the test's tables.
func (b *builder) dataSource(g bundle.Given) error {
	var x struct {
		ConnectionKey string
		Owners        []stead.Principal
		NameTemplate  any
		Options       struct{ TableTags []stead.Tag }
		Sources       []struct {
			Schema, Table, Description, Location string
			Naming                               any
			Columns                              []struct {
				Name     string
				Type     expr.Type
				Nullable bool
			}
			Tags struct {
				Table   []stead.Tag
				Columns []struct {
					ColumnName string
					Tags       []stead.Tag
				}
			}
			Owners []stead.Principal
			State  *stead.SourceState
		}
	}
	if err := strict(g.JSON, &x); err != nil {
		return err
	}
	for _, s := range x.Sources {
		d := &stead.DataSource{ID: b.sourceID(), Connection: x.ConnectionKey, Path: []string{s.Schema, s.Table}, Name: s.Table, State: stead.Active,
			Tags: append(slices.Clone(x.Options.TableTags), s.Tags.Table...), Owners: completed(append(slices.Clone(x.Owners), s.Owners...))}
		if s.State != nil {
			d.State = *s.State
		}
		for _, c := range s.Columns {
			d.Columns = append(d.Columns, stead.Column{Name: c.Name, Type: c.Type, Nullable: c.Nullable})
		}
		b.register(d)
		for _, t := range s.Tags.Columns {
			i := slices.IndexFunc(d.Columns, func(c stead.Column) bool { return c.Name == t.ColumnName })
			if i < 0 {
				d.Columns = append(d.Columns, stead.Column{Name: t.ColumnName})
				i = len(d.Columns) - 1
			}
			d.Columns[i].Tags = t.Tags
		}
	}
	return nil
}

// sourceID counts data sources alone, so that a case can know its hash keys.
func (b *builder) sourceID() stead.SourceID { return stead.SourceID(len(b.c.tables) + 1) }

func (b *builder) register(d *stead.DataSource) *table {
	t := &table{def: d, registered: true}
	b.c.tables = append(b.c.tables, t)
	b.delta.Sources = append(b.delta.Sources, d)
	return t
}

// table takes a table of the test: a new data source, or the rows of one that a document describes.
func (b *builder) table(x *bundle.TestTable) error {
	path := strings.Split(x.Source, ".")
	if len(path) < 2 {
		return fmt.Errorf("source: %q is not schema.table", x.Source)
	}
	i := slices.IndexFunc(b.c.tables, func(t *table) bool { return t.where() == x.Source })
	var t *table
	switch {
	case i >= 0:
		t = b.c.tables[i]
		if err := describe(t.def, x.Columns); err != nil {
			return err
		}
	default:
		d := &stead.DataSource{ID: b.sourceID(), Connection: connection, Path: path, Name: x.Source, State: stead.Active,
			Tags: x.Tags, Owners: completed(x.Owners)}
		if x.State != nil {
			d.State, d.Reason = *x.State, "as the case says"
		}
		for _, c := range x.Columns {
			d.Columns = append(d.Columns, stead.Column{Name: c.Name, Type: c.Type, Nullable: true, Tags: c.Tags})
		}
		if x.Unregistered {
			t = &table{def: d}
			b.c.tables = append(b.c.tables, t)
		} else {
			t = b.register(d)
		}
	}
	t.view = x.View
	return t.fill(x.Rows)
}

// describe gives the types of columns that a document only tags.
func describe(d *stead.DataSource, columns []bundle.TestColumn) error {
	if len(columns) == 0 {
		return nil
	}
	tagged := d.Columns
	d.Columns = nil
	for _, c := range columns {
		out := stead.Column{Name: c.Name, Type: c.Type, Nullable: true, Tags: c.Tags}
		for _, old := range tagged {
			if old.Name == c.Name {
				out.Tags = append(out.Tags, old.Tags...)
			}
		}
		d.Columns = append(d.Columns, out)
	}
	for _, old := range tagged {
		if !slices.ContainsFunc(columns, func(c bundle.TestColumn) bool { return c.Name == old.Name }) {
			return fmt.Errorf("columns: %q is in the data source and not in the test's table", old.Name)
		}
	}
	return nil
}

func (t *table) fill(rows [][]any) error {
	for i, r := range rows {
		if len(r) != len(t.def.Columns) {
			return fmt.Errorf("rows[%d] has %d values, not %d", i, len(r), len(t.def.Columns))
		}
		row := make([]expr.Value, len(r))
		for j, x := range r {
			v, err := valueOf(x, t.def.Columns[j].Type)
			if err != nil {
				return fmt.Errorf("rows[%d][%d]: %w", i, j, err)
			}
			row[j] = v
		}
		t.rows = append(t.rows, row)
	}
	return nil
}
