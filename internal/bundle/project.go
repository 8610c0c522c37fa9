package bundle

import (
	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (r *reader) project(d *document, doc projectDoc) {
	p := stead.Project{Key: doc.ProjectKey, Name: doc.Name, Description: doc.Description, Purposes: doc.Purposes, MaskedJoins: doc.AllowMaskedJoins}
	i := &item{doc: d, noun: store.Projects, key: doc.ProjectKey, name: doc.ProjectKey}
	var members, owners []ref
	p.Members, members = r.principals(d, "members", doc.Members)
	p.Owners, owners = r.principals(d, "owners", doc.Owners)
	i.refs = append(members, owners...)
	for n, s := range doc.DataSources {
		o, refs := r.object(d.place(index("datasources", n)), s)
		p.Sources, i.refs = append(p.Sources, o), append(i.refs, refs...)
	}
	for n, s := range doc.Purposes {
		i.refs = append(i.refs, ref{store.Purposes, s, s, index("purposes", n)})
	}
	i.edit = func(l *look) (govern.Edit, error) {
		want := p
		want.Bundle = l.name
		return govern.PutProject{Project: want}, nil
	}
	r.add(i)
}
