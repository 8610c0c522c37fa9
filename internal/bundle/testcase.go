package bundle

import (
	"bytes"
	"encoding/json"

	"stead"
)

// Case is one case of the conformance corpus and of users' own tests (kind: Test): on tables with these rows, in the world that the
// documents describe, somebody asks, and this is what they get.
type Case struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Place       stead.Place `json:"-"`
	// World is the documents of the case itself, besides those of the files it stands in; its tables are among them as data
	// sources. Connections that tables name and nobody describes are made by whoever runs the case.
	World *Bundle `json:"-"`
	// Files are further files that the case needs, relative to its own.
	Files  []string    `json:"files"`
	Tables []CaseTable `json:"tables"`
	Asker  CaseAsker   `json:"asker"`
	// Now is the time of asking in RFC 3339, "" for any.
	Now string `json:"now"`
	// Query is asked, or, when it is empty, everything of Source.
	Query  string `json:"query"`
	Source string `json:"source"` // "connection:schema.table"
	Expect Expect `json:"expect"`
	// Except names engines that are known to differ, with the reason.
	Except map[string]string `json:"except"`
}

// CaseTable is a table with its rows.
type CaseTable struct {
	Source  string       `json:"source"` // "connection:schema.table"
	Tags    []stead.Tag  `json:"tags"`
	Owners  []string     `json:"owners"` // user names
	Columns []CaseColumn `json:"columns"`
	Rows    [][]Cell     `json:"rows"`
	// Object is Source, read.
	Object stead.Object `json:"-"`
}

// CaseColumn is a column of a table.
type CaseColumn struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"` // as expr.ParseType reads it
	Nullable *bool       `json:"nullable"`
	Tags     []stead.Tag `json:"tags"`
}

// CaseAsker is who asks: User signs in; As, when it is not empty, is in whose stead.
type CaseAsker struct {
	User    string `json:"user"`
	As      string `json:"as"`
	Project string `json:"project"`
}

// Expect is what the asker gets. Rows are compared as a bag unless Ordered.
type Expect struct {
	Denied bool `json:"denied"`
	// Message must be part of the refusal.
	Message string   `json:"message"`
	Columns []string `json:"columns"`
	Ordered bool     `json:"ordered"`
	Rows    [][]Cell `json:"rows"`
	// Reasons must each be part of some reason that is given.
	Reasons []string `json:"reasons"`
	// Masked are the columns that are masked, when it is not nil.
	Masked []string `json:"masked"`
}

// Cell is a value in canonical text; lists and mappings are compact JSON. The zero Cell is an empty text.
type Cell struct {
	Null bool
	Text string
}

// UnmarshalJSON reads a text, a number, true, false, null, or anything nested.
func (c *Cell) UnmarshalJSON(b []byte) error {
	*c = Cell{}
	switch b = bytes.TrimSpace(b); {
	case bytes.Equal(b, []byte("null")):
		c.Null = true
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, &c.Text)
	default:
		var out bytes.Buffer
		if err := json.Compact(&out, b); err != nil {
			return err
		}
		c.Text = out.String()
	}
	return nil
}

// MarshalJSON writes null or the text.
func (c Cell) MarshalJSON() ([]byte, error) {
	if c.Null {
		return []byte("null"), nil
	}
	return json.Marshal(c.Text)
}

// Cases are the test cases of the files, in their order. Applying a bundle passes over them.
func (b *Bundle) Cases() []Case { return b.cases }

func (r *reader) testCase(d *document, c Case) {
	c.Place = d.source
	if c.Query == "" && c.Source == "" {
		r.bad(d.source, "asks nothing: query or source is missing")
	}
	if c.Source != "" {
		r.object(d.place("source"), c.Source)
	}
	own := newReader(r.env)
	own.schemas = r.schemas
	for n := range c.Tables {
		own.caseTable(d, index("tables", n), &c.Tables[n])
	}
	if docs := d.root.member("documents"); docs != nil {
		for n, root := range docs.items {
			inner := newDocument(d.file, root)
			if k := root.member("kind"); k != nil && k.text == "Test" {
				r.bad(d.place(index("documents", n)), "a case holds no further case")
				continue
			}
			if err := own.document(inner, ""); err != nil {
				r.problems = append(r.problems, stead.AsError(err).At(inner.source))
			}
		}
	}
	world, err := own.finish()
	if failed := r.collect(err); failed != nil {
		r.problems = append(r.problems, stead.AsError(failed).At(d.source))
	}
	c.World = world
	r.bundle.cases = append(r.bundle.cases, c)
}

// caseTable registers a table of a case, and checks that every row has as many values as there are columns.
func (r *reader) caseTable(d *document, path string, t *CaseTable) {
	o, _ := r.object(d.place(join(path, "source")), t.Source)
	t.Object = o
	for n, row := range t.Rows {
		if len(row) != len(t.Columns) {
			r.bad(d.place(index(path+".rows", n)), "has %d values for %d columns", len(row), len(t.Columns))
		}
	}
	if len(o.Path) != 2 {
		return
	}
	doc := dataDoc{ConnectionKey: o.Connection, Sources: []sourceDoc{{Schema: o.Path[0], Table: o.Path[1], Tags: tagsDoc{Table: t.Tags}}}}
	for _, name := range t.Owners {
		doc.Owners = append(doc.Owners, principalDoc{Type: stead.UserPrincipal, Name: name})
	}
	s := &doc.Sources[0]
	for _, c := range t.Columns {
		s.Columns = append(s.Columns, columnDoc{Name: c.Name, Type: c.Type, Nullable: c.Nullable == nil || *c.Nullable})
		s.Tags.Columns = append(s.Tags.Columns, columnTagsDoc{ColumnName: c.Name, Tags: c.Tags})
	}
	r.tableOf(d, path, doc)
}

// tableOf adds the sources with the place of the table that they come from.
func (r *reader) tableOf(d *document, path string, doc dataDoc) {
	from := len(r.bundle.items)
	r.data(d, doc)
	for _, i := range r.bundle.items[from:] {
		i.under = path
		for n := range i.refs {
			i.refs[n].path = path
		}
	}
}
