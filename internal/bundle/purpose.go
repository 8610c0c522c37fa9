package bundle

import (
	"strings"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// purpose adds a purpose and those below it, whose names begin with its own.
func (r *reader) purpose(d *document, under, parent string, doc purposeDoc) {
	i := &item{doc: d, under: under, noun: store.Purposes, key: doc.Name, name: doc.Name}
	if parent != "" && !strings.HasPrefix(doc.Name, parent+".") {
		r.problems = append(r.problems, problem(i.place("name"), "does not lie under %q", shorten(parent)).WithHint("write its whole name: %s.%s", shorten(parent), shorten(doc.Name)))
	}
	i.edit = func(l *look) (govern.Edit, error) {
		return govern.PutPurpose{Purpose: stead.Purpose{Key: doc.Name, Description: doc.Description, Acknowledgement: doc.Acknowledgement, Bundle: l.name}}, nil
	}
	r.add(i)
	for n, sub := range doc.Subpurposes {
		r.purpose(d, index(join(under, "subpurposes"), n), doc.Name, sub)
	}
}
