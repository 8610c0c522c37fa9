package bundle

import (
	"strconv"

	"golang.org/x/text/unicode/norm"

	"stead"
	"stead/internal/govern"
	"stead/internal/session"
	"stead/internal/store"
)

func (r *reader) identity(d *document, kind stead.IdentityKind, doc userDoc, owner *principalDoc) {
	want := stead.Identity{Kind: kind, IAM: iamOf(doc.IAM), Name: r.canonical(d, "name", doc.Name), DisplayName: doc.DisplayName, Email: doc.Email,
		Description: doc.Description, Permissions: doc.Permissions, Attributes: doc.Attributes, External: doc.External}
	i := &item{doc: d, noun: store.Identities, key: store.IdentityKey(want.IAM, want.Name), name: session.FormatName(want.IAM, want.Name)}
	if owner != nil {
		p, refs := r.principal(d, "owner", *owner)
		want.Owner, i.refs = &p, refs
	}
	if doc.Impersonates != nil {
		users, refs := r.names(d, "impersonates.users", stead.UserPrincipal, doc.Impersonates.Users)
		groups, more := r.names(d, "impersonates.groups", stead.GroupPrincipal, doc.Impersonates.Groups)
		want.Impersonates = &stead.Impersonates{Users: users, Groups: groups}
		i.refs = append(append(i.refs, refs...), more...)
	}
	if doc.Project != nil && *doc.Project != "" {
		i.refs = append(i.refs, ref{store.Projects, *doc.Project, *doc.Project, "project"})
	}
	i.late = len(i.refs) > 0
	i.edit = func(l *look) (govern.Edit, error) { return identityEdit(l, i, want, doc) }
	if i.late {
		i.begin = func(l *look) (govern.Edit, error) { return identityBegin(l, i, want) }
	}
	r.add(i)
}

// identityEdit keeps what only a running system knows and the document does not mention.
func identityEdit(l *look, i *item, want stead.Identity, doc userDoc) (govern.Edit, error) {
	old, err := existing[stead.Identity](l, i.noun, i.key)
	if err != nil {
		return nil, err
	}
	if old != nil {
		want.Project, want.Disabled = old.Project, old.Disabled
	}
	if doc.Project != nil {
		want.Project = *doc.Project
	}
	if doc.Disabled != nil {
		want.Disabled = *doc.Disabled
	}
	want.Bundle = l.name
	return govern.PutIdentity{Identity: want}, nil
}

// identityBegin makes a new identity without what may refer back to it, and without rights: those come with the rest.
func identityBegin(l *look, i *item, want stead.Identity) (govern.Edit, error) {
	old, err := existing[stead.Identity](l, i.noun, i.key)
	if err != nil || old != nil {
		return nil, err
	}
	return govern.PutIdentity{Identity: stead.Identity{Kind: want.Kind, IAM: want.IAM, Name: want.Name, Bundle: l.name}}, nil
}

// names reads principals that are written as "name" or "iam:name".
func (r *reader) names(d *document, path string, kind stead.PrincipalKind, list []string) (out []stead.Principal, refs []ref) {
	for n, s := range list {
		at := index(path, n)
		p := principalDoc{Type: kind, Name: s}
		if kind == stead.UserPrincipal {
			iam, name, err := session.ParseName(s)
			if err != nil {
				r.problems = append(r.problems, stead.AsError(err).At(d.place(at)))
				continue
			}
			p.IAM, p.Name = iam, name
		} else {
			p.IAM, p.Name = splitGroup(s)
		}
		one, more := r.principal(d, at, p)
		out, refs = append(out, one), append(refs, more...)
	}
	return out, refs
}

// index is the path of an element.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func groupName(name string) string { return norm.NFC.String(name) }
