package govern

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// PutGroup creates a group or replaces what is known about it; IAM and name find it. Members may be groups; a cycle is
// refused. For USER_ADMIN.
type PutGroup struct{ Group stead.Group }

// DeleteGroup deletes a group and every mention of it outside policies. For USER_ADMIN.
type DeleteGroup struct{ IAM, Name string }

func (e PutGroup) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("change groups", stead.UserAdmin); err != nil {
		return Outcome{}, err
	}
	g := e.Group
	if err := t.checkGroup(ctx, &g); err != nil {
		return Outcome{}, err
	}
	old, row, err := find[stead.Group](ctx, t, store.Groups, store.GroupKey(g.IAM, g.Name))
	if err != nil {
		return Outcome{}, err
	}
	if old == nil {
		old = &stead.Group{}
	} else {
		g.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.Groups, row, store.GroupKey(g.IAM, g.Name), session.FormatName(g.IAM, g.Name), &g)
	if err != nil || o.Op == None {
		return o, err
	}
	if err := t.checkCycle(ctx, &g); err != nil {
		return o, err
	}
	pairs, err := t.attributes(ctx, old.Attributes, g.Attributes)
	if err != nil {
		return o, err
	}
	members, err := t.membership(ctx, g.Fact(), old.Members, g.Members)
	if err != nil {
		return o, err
	}
	o.Widens = append(pairs, members...)
	return t.done(ctx, o)
}

func (t *tx) checkGroup(ctx context.Context, g *stead.Group) error {
	if g.IAM == "" {
		g.IAM = stead.DefaultIAM
	}
	if err := session.CheckIAM(g.IAM); err != nil {
		return stead.AsError(err).At(stead.Place{Path: "iam"})
	}
	g.Name = norm.NFC.String(g.Name)
	if err := checkLabel("name", g.Name); err != nil {
		return err
	}
	// Facts spell groups of other IAMs "iam:name"; a colon in the default IAM would let one group pass for another.
	if strings.Contains(g.Name, ":") && g.IAM == stead.DefaultIAM {
		return invalid("name", "a group of the built-in IAM has no colon in its name")
	}
	for _, system := range []string{stead.AllIdentities, stead.AllUsers, stead.AllAgents} {
		if strings.EqualFold(g.Name, system) {
			return invalid("name", "%q is a system group", system)
		}
	}
	for path, text := range map[string]string{"email": g.Email, "description": g.Description} {
		if err := checkText(path, text, 4096); err != nil {
			return err
		}
	}
	var err error
	if g.Attributes, err = checkAttributes(g.Attributes); err != nil {
		return err
	}
	// The group itself is no member it could wait for.
	if slices.Contains(g.Members, stead.Principal{Kind: stead.GroupPrincipal, IAM: g.IAM, Name: g.Name}) {
		return cycle(g.Name)
	}
	g.Members, err = t.principals(ctx, "members", g.Members)
	return err
}

// checkCycle refuses a group that is its own member through others. A system group contains everybody, so it has no
// place among members' members to look at.
func (t *tx) checkCycle(ctx context.Context, g *stead.Group) error {
	seen := map[stead.Principal]bool{}
	for queue := slices.Clone(g.Members); len(queue) > 0; {
		p := queue[0]
		queue = queue[1:]
		if p.Kind != stead.GroupPrincipal || seen[p] {
			continue
		}
		if p.IAM == g.IAM && p.Name == g.Name {
			return cycle(g.Name)
		}
		seen[p] = true
		m, _, err := find[stead.Group](ctx, t, store.Groups, store.GroupKey(p.IAM, p.Name))
		if err != nil {
			return err
		}
		if m != nil {
			queue = append(queue, m.Members...)
		}
	}
	return nil
}

func cycle(name string) error {
	return invalid("members", "group %q would be a member of itself", shorten(name)).
		WithHint("take out one of the groups along the circle")
}

func (e DeleteGroup) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("delete groups", stead.UserAdmin); err != nil {
		return Outcome{}, err
	}
	iam := e.IAM
	if iam == "" {
		iam = stead.DefaultIAM
	}
	g, row, err := find[stead.Group](ctx, t, store.Groups, store.GroupKey(iam, norm.NFC.String(e.Name)))
	if err == nil && g == nil {
		err = missing(store.Groups, session.FormatName(iam, e.Name))
	}
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Groups, row, session.FormatName(g.IAM, g.Name))
	if err != nil {
		return o, err
	}
	if o.Widens, err = t.membership(ctx, g.Fact(), g.Members, nil); err != nil {
		return o, err
	}
	if o.Warnings, err = t.forget(ctx, stead.Principal{Kind: stead.GroupPrincipal, IAM: g.IAM, Name: g.Name}); err != nil {
		return o, err
	}
	return t.done(ctx, o)
}
