package govern

import (
	"context"
	"fmt"
	"slices"

	"stead"
	"stead/internal/store"
)

// PutProject creates a project or replaces it; the key finds it. Whoever creates one without owners owns it. For
// CREATE_PROJECT, later for its owners and GOVERNANCE; PROJECT_MANAGEMENT may change its sources. Its purposes
// are changed by GOVERNANCE and PROJECT_MANAGEMENT alone: acting under a purpose may reveal data.
type PutProject struct{ Project stead.Project }

// DeleteProject deletes a project; who acted in it acts in none. For its owners and GOVERNANCE.
type DeleteProject struct{ Key string }

// SwitchProject sets the project that the caller acts in, "" for none; it must be a member.
type SwitchProject struct{ Key string }

func (e PutProject) apply(ctx context.Context, t *tx) (Outcome, error) {
	p := e.Project
	old, row, err := find[stead.Project](ctx, t, store.Projects, p.Key)
	if err != nil {
		return Outcome{}, err
	}
	if err := t.nearProject(ctx, old, p.Key); err != nil {
		return Outcome{}, err
	}
	if err := t.checkProject(ctx, old, &p); err != nil {
		return Outcome{}, err
	}
	self := stead.Principal{Kind: stead.UserPrincipal, IAM: t.who.IAM, Name: t.who.Name}
	if len(p.Owners) == 0 && old == nil {
		p.Owners = []stead.Principal{self}
	} else if len(p.Owners) == 0 {
		p.Owners = old.Owners
	}
	if err := t.mayPutProject(ctx, old, &p); err != nil {
		return Outcome{}, err
	}
	if old != nil {
		p.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.Projects, row, p.Key, p.Key, &p)
	if err != nil || o.Op == None {
		return o, err
	}
	o.Widens = projectWidens(old, &p)
	return t.done(ctx, o)
}

// nearProject refuses whoever could not change the project in any way, before anything is looked up for them, and whether or not it
// exists.
func (t *tx) nearProject(ctx context.Context, old *stead.Project, key string) error {
	if old != nil {
		owns, err := t.among(ctx, old.Owners, t.who)
		if err != nil || owns || t.who.Holds(stead.Governance) || t.who.Holds(stead.ProjectManagement) {
			return err
		}
		if t.who.Holds(stead.CreateProject) {
			return stead.Errorf(stead.Denied, "you may not change project %q", shorten(key)).WithHint("this is for its owners and %s", stead.Governance)
		}
	}
	return t.need("create or change projects", stead.CreateProject)
}

// mayPutProject checks the members of a project that not everybody near it may change.
func (t *tx) mayPutProject(ctx context.Context, old, p *stead.Project) error {
	if old == nil {
		old = &stead.Project{}
	} else {
		anyone := []stead.Permission{stead.Governance}
		if onlySources(old, p) {
			anyone = append(anyone, stead.ProjectManagement)
		}
		if err := t.needOwner(ctx, fmt.Sprintf("change project %q", p.Key), old.Owners, anyone...); err != nil {
			return err
		}
	}
	if !slices.Equal(old.Purposes, p.Purposes) {
		return t.need("change the purposes of a project", stead.Governance, stead.ProjectManagement)
	}
	return nil
}

// onlySources reports whether nothing changes but sources and purposes, which project managers look after.
func onlySources(old, p *stead.Project) bool {
	return old.Name == p.Name && old.Description == p.Description && old.MaskedJoins == p.MaskedJoins &&
		slices.Equal(old.Members, p.Members) && slices.Equal(old.Owners, p.Owners)
}

func projectWidens(old, p *stead.Project) []string {
	if old == nil {
		old = &stead.Project{}
	}
	var out []string
	for _, m := range added(slices.Concat(old.Members, old.Owners), slices.Concat(p.Members, p.Owners)) {
		out = append(out, spell(m)+" may act in the project")
	}
	for _, u := range added(old.Purposes, p.Purposes) {
		out = append(out, "members act under purpose "+u)
	}
	if p.MaskedJoins && !old.MaskedJoins {
		out = append(out, "masked values of its sources become comparable")
	}
	before := map[string]bool{}
	for _, s := range old.Sources {
		before[store.SourceKey(s)] = true
	}
	for _, s := range p.Sources {
		if !before[store.SourceKey(s)] && old.ID != 0 {
			out = append(out, s.String()+" can be seen in the project")
		}
	}
	return out
}

func (t *tx) checkProject(ctx context.Context, old, p *stead.Project) error {
	if err := checkKey("key", p.Key); err != nil {
		return err
	}
	if p.Name == "" {
		p.Name = p.Key
	}
	if err := checkLabel("name", p.Name); err != nil {
		return err
	}
	if err := checkText("description", p.Description, 16384); err != nil {
		return err
	}
	var err error
	if p.Members, err = t.principals(ctx, "members", p.Members); err != nil {
		return err
	}
	if p.Owners, err = t.principals(ctx, "owners", p.Owners); err != nil {
		return err
	}
	if p.Sources, err = t.projectSources(ctx, old, p.Sources); err != nil {
		return err
	}
	for _, key := range p.Purposes {
		if _, err := t.Find(ctx, store.Purposes, key); absent(err) {
			return missing(store.Purposes, key)
		} else if err != nil {
			return err
		}
	}
	p.Purposes = sorted(p.Purposes)
	return nil
}

// projectSources checks sources and lists each once. Whoever adds one owns it or looks after projects or policies; for
// others it does not exist.
func (t *tx) projectSources(ctx context.Context, old *stead.Project, list []stead.Object) ([]stead.Object, error) {
	had := map[string]bool{}
	if old != nil {
		for _, o := range old.Sources {
			had[store.SourceKey(o)] = true
		}
	}
	seen := map[string]bool{}
	var out []stead.Object
	for _, o := range list {
		d, _, err := find[stead.DataSource](ctx, t, store.DataSources, store.SourceKey(o))
		if err != nil {
			return nil, err
		}
		known := d != nil && (had[store.SourceKey(o)] || t.who.Holds(stead.Governance) || t.who.Holds(stead.ProjectManagement))
		if d != nil && !known {
			if known, err = t.among(ctx, d.Owners, t.who); err != nil {
				return nil, err
			}
		}
		if !known {
			return nil, missing(store.DataSources, o.String())
		}
		if key := store.SourceKey(o); !seen[key] {
			seen[key] = true
			out = append(out, d.Object())
		}
	}
	return out, nil
}

func (e DeleteProject) apply(ctx context.Context, t *tx) (Outcome, error) {
	what := fmt.Sprintf("delete project %q", shorten(e.Key))
	p, row, err := find[stead.Project](ctx, t, store.Projects, e.Key)
	if err != nil {
		return Outcome{}, err
	}
	if p == nil {
		if err := t.need(what, stead.Governance); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, missing(store.Projects, e.Key)
	}
	if err := t.needOwner(ctx, what, p.Owners, stead.Governance); err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Projects, row, p.Key)
	if err != nil {
		return o, err
	}
	f := forgetting{tx: t}
	err = every(ctx, t, store.Identities, func(row store.Row, i *stead.Identity) error {
		if i.Project != p.Key {
			return nil
		}
		i.Project = ""
		o.Widens = append(o.Widens, i.Name+" acts in no project, with all of their own sources")
		return f.write(ctx, row, i)
	})
	if err != nil {
		return o, err
	}
	return t.done(ctx, o)
}

func (e SwitchProject) apply(ctx context.Context, t *tx) (Outcome, error) {
	old, row, err := t.identity(ctx, t.who.IAM, t.who.Name)
	if err != nil {
		return Outcome{}, err
	}
	if e.Key != "" {
		if err := t.checkActsIn(ctx, e.Key, old); err != nil {
			return Outcome{}, err
		}
	}
	i := *old
	i.Project = e.Key
	return t.writeIdentity(ctx, row, old, &i)
}
