package govern

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// PutIdentity creates a user or agent, or replaces what is known about one; IAM and name find it. For USER_ADMIN.
type PutIdentity struct{ Identity stead.Identity }

// DeleteIdentity deletes a user or agent, its credentials, and every mention of it, so that a later one of
// the same name inherits nothing. For USER_ADMIN.
type DeleteIdentity struct{ IAM, Name string }

// DisableIdentity is the kill switch of an identity: nothing of it works until it is enabled. For USER_ADMIN.
type DisableIdentity struct {
	IAM, Name string
	Disabled  bool
}

func (e PutIdentity) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("change users and agents", stead.UserAdmin); err != nil {
		return Outcome{}, err
	}
	i := e.Identity
	if err := t.checkIdentity(ctx, &i); err != nil {
		return Outcome{}, err
	}
	old, row, err := find[stead.Identity](ctx, t, store.Identities, store.IdentityKey(i.IAM, i.Name))
	if err != nil {
		return Outcome{}, err
	}
	if old != nil && old.Kind != i.Kind {
		return Outcome{}, stead.Errorf(stead.Conflict, "%q is a %s and cannot become a %s", session.FormatName(i.IAM, i.Name), old.Kind, i.Kind).
			WithHint("delete it first, or choose another name")
	}
	if i.Project != "" && (old == nil || i.Project != old.Project) {
		if err := t.checkActsIn(ctx, i.Project, &i); err != nil {
			return Outcome{}, err
		}
	}
	return t.writeIdentity(ctx, row, old, &i)
}

// writeIdentity stores the identity, keeps an administrator, and says what widens.
func (t *tx) writeIdentity(ctx context.Context, row store.Row, old, i *stead.Identity) (Outcome, error) {
	if old == nil {
		old = &stead.Identity{}
	} else {
		i.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.Identities, row, store.IdentityKey(i.IAM, i.Name), session.FormatName(i.IAM, i.Name), i)
	if err != nil || o.Op == None {
		return o, err
	}
	t.holdExternal(old, i)
	if o.Widens, err = t.identityWidens(ctx, old, i); err != nil {
		return o, err
	}
	if loses(old, i) {
		if err := t.keepAdministrators(ctx); err != nil {
			return o, err
		}
	}
	return t.done(ctx, o)
}

func (t *tx) identityWidens(ctx context.Context, old, i *stead.Identity) ([]string, error) {
	out, err := t.attributes(ctx, old.Attributes, i.Attributes)
	for _, p := range added(old.Permissions, i.Permissions) {
		out = append(out, "gains permission "+string(p))
	}
	if old.Disabled && !i.Disabled {
		out = append(out, "is enabled again")
	}
	out = append(out, externalWidens(old, i)...)
	if wider := impersonationWidens(old, i); wider != "" {
		out = append(out, wider)
	}
	if old.ID != 0 && old.Project != i.Project {
		out = append(out, fmt.Sprintf("acts in project %q instead of %q", i.Project, old.Project))
	}
	return out, err
}

// externalWidens: whoever signs in to a platform by an identity's name there asks as that identity.
func externalWidens(old, i *stead.Identity) []string {
	var out []string
	for platform, name := range i.External {
		if old.External[platform] != name && name != stead.NoExternal {
			out = append(out, fmt.Sprintf("is who signs in to %s as %q", platform, shorten(name)))
		}
	}
	for platform := range old.External {
		if _, still := i.External[platform]; !still {
			out = append(out, fmt.Sprintf("is who signs in to %s as %q", platform, i.Name))
		}
	}
	return sorted(out)
}

func impersonationWidens(old, i *stead.Identity) string {
	if !slices.Contains(i.Permissions, stead.ImpersonateUser) {
		return ""
	}
	switch {
	case old.Impersonates == nil && slices.Contains(old.Permissions, stead.ImpersonateUser):
		return "" // could stand in for anyone already
	case i.Impersonates == nil:
		return "may stand in for every user"
	}
	before := &stead.Impersonates{}
	if old.Impersonates != nil {
		before = old.Impersonates
	}
	var more []string
	for _, p := range append(added(before.Users, i.Impersonates.Users), added(before.Groups, i.Impersonates.Groups)...) {
		more = append(more, spell(p))
	}
	if len(more) == 0 {
		return ""
	}
	return "may stand in for " + strings.Join(more, ", ")
}

func spell(p stead.Principal) string {
	name := session.FormatName(p.IAM, p.Name)
	if p.Kind == stead.GroupPrincipal {
		return "group " + name
	}
	return name
}

func (e DisableIdentity) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("disable users and agents", stead.UserAdmin); err != nil {
		return Outcome{}, err
	}
	old, row, err := t.identity(ctx, e.IAM, e.Name)
	if err != nil {
		return Outcome{}, err
	}
	i := *old
	i.Disabled = e.Disabled
	return t.writeIdentity(ctx, row, old, &i)
}

func (e DeleteIdentity) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("delete users and agents", stead.UserAdmin); err != nil {
		return Outcome{}, err
	}
	i, row, err := t.identity(ctx, e.IAM, e.Name)
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Identities, row, session.FormatName(i.IAM, i.Name))
	if err != nil {
		return o, err
	}
	t.holdExternal(i, &stead.Identity{})
	if err := t.dropCredentials(ctx, i.ID); err != nil {
		return o, err
	}
	if o.Warnings, err = t.forget(ctx, stead.Principal{Kind: stead.UserPrincipal, IAM: i.IAM, Name: i.Name}); err != nil {
		return o, err
	}
	if loses(i, &stead.Identity{}) {
		if err := t.keepAdministrators(ctx); err != nil {
			return o, err
		}
	}
	return t.done(ctx, o)
}

// identity finds an identity as people name it.
func (t *tx) identity(ctx context.Context, iam, name string) (*stead.Identity, store.Row, error) {
	return findIdentity(ctx, t, iam, name)
}

func findIdentity(ctx context.Context, r store.Reader, iam, name string) (*stead.Identity, store.Row, error) {
	if iam == "" {
		iam = stead.DefaultIAM
	}
	canonical, err := session.Canonical(name)
	if err != nil {
		return nil, store.Row{}, err
	}
	i, row, err := find[stead.Identity](ctx, r, store.Identities, store.IdentityKey(iam, canonical))
	if err == nil && i == nil {
		err = missing(store.Identities, session.FormatName(iam, canonical))
	}
	return i, row, err
}

// loses reports whether an administrator stops being one.
func loses(old, i *stead.Identity) bool {
	return old.Holds(stead.ApplicationAdmin) && !i.Holds(stead.ApplicationAdmin) || old.Holds(stead.UserAdmin) && !i.Holds(stead.UserAdmin)
}

// keepAdministrators refuses what would leave nobody who can sign in and put things right.
func (t *tx) keepAdministrators(ctx context.Context) error {
	application, users := false, false
	err := every(ctx, t, store.Identities, func(_ store.Row, i *stead.Identity) error {
		application = application || i.Holds(stead.ApplicationAdmin)
		users = users || i.Holds(stead.UserAdmin)
		return nil
	})
	if err == nil && !(application && users) {
		err = stead.Errorf(stead.Conflict, "the last administrator cannot be removed, disabled or lose its permissions").
			WithHint("give %s and %s to somebody else first", stead.ApplicationAdmin, stead.UserAdmin)
	}
	return err
}
