package bundle

import (
	"strings"

	"stead"
	"stead/internal/govern"
	"stead/internal/session"
	"stead/internal/store"
)

func (r *reader) group(d *document, doc groupDoc) {
	g := stead.Group{IAM: iamOf(doc.IAM), Name: groupName(doc.Name), Email: doc.Email, Description: doc.Description, Attributes: doc.Attributes}
	i := &item{doc: d, noun: store.Groups, key: store.GroupKey(g.IAM, g.Name), name: session.FormatName(g.IAM, g.Name), fact: g.Fact()}
	g.Members, i.refs = r.principals(d, "members", doc.Members)
	for _, m := range i.refs {
		if m.noun == store.Groups {
			i.member = append(i.member, m.key)
		}
	}
	i.edit = func(l *look) (govern.Edit, error) {
		want := g
		want.Bundle = l.name
		return govern.PutGroup{Group: want}, nil
	}
	r.add(i)
}

// splitGroup reads a group as conditions name it: "name", or "iam:name" outside the built-in IAM, whose groups have no colon.
func splitGroup(s string) (iam, name string) {
	if before, after, ok := strings.Cut(s, ":"); ok {
		return before, after
	}
	return stead.DefaultIAM, s
}
