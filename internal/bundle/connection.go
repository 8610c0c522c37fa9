package bundle

import (
	"regexp"
	"slices"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (r *reader) connection(d *document, doc connectionDoc) {
	doc.Address = r.expand(d.place("address"), doc.Address)
	doc.Credential = r.expand(d.place("credential"), doc.Credential)
	r.bundle.connections[doc.Key] = &doc
	r.add(&item{doc: d, noun: store.Connections, key: doc.Key, name: doc.Key, edit: func(l *look) (govern.Edit, error) {
		want, err := wantedConnection(l, &doc)
		return govern.PutConnection{Connection: want}, err
	}})
}

// wantedConnection keeps the kill switch as it is when the document says nothing about it.
func wantedConnection(l *look, doc *connectionDoc) (stead.Connection, error) {
	want := stead.Connection{Key: doc.Key, Platform: doc.Platform, Address: doc.Address, Credential: doc.Credential, Settings: doc.Settings, Bundle: l.name}
	old, err := existing[stead.Connection](l, store.Connections, doc.Key)
	if err == nil && old != nil {
		want.Disabled = old.Disabled
	}
	if doc.Disabled != nil {
		want.Disabled = *doc.Disabled
	}
	return want, err
}

// variable matches ${NAME}, and a ${ that is none.
func variable() *regexp.Regexp { return regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{`) }

// expand replaces variables. One that is not set is refused: an empty address would mean something else.
func (r *reader) expand(at stead.Place, s string) string {
	return variable().ReplaceAllStringFunc(s, func(m string) string {
		if m == "${" {
			r.bad(at, "holds a ${ that begins no variable")
			return m
		}
		name := m[2 : len(m)-1]
		if r.env != nil {
			if value, ok := r.env(name); ok {
				return value
			}
		}
		r.problems = append(r.problems, problem(at, "variable %s is not set", name).WithHint("set it in the environment, or write the value"))
		return m
	})
}

// Variables lists the variables that the connections in the files name, sorted, each once. What cannot be read names none.
func Variables(files []File) []string {
	var out []string
	for _, f := range files {
		roots, err := readTrees(f.Name, f.Text)
		if err != nil {
			continue // Read reports it
		}
		for _, root := range roots {
			if k := root.member("kind"); k == nil || k.text != "Connection" {
				continue
			}
			for _, name := range []string{"address", "credential"} {
				if m := root.member(name); m != nil {
					for _, found := range variable().FindAllStringSubmatch(m.text, -1) {
						out = append(out, found[1])
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
}
