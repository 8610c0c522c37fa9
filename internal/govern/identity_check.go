package govern

import (
	"context"
	"slices"
	"strings"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// checkIdentity validates and canonicalises: names folded, lists sorted, each entry once.
func (t *tx) checkIdentity(ctx context.Context, i *stead.Identity) error {
	if i.Kind != stead.User && i.Kind != stead.Agent {
		return invalid("kind", "an identity is a %q or an %q", stead.User, stead.Agent)
	}
	if i.IAM == "" {
		i.IAM = stead.DefaultIAM
	}
	if err := session.CheckIAM(i.IAM); err != nil {
		return stead.AsError(err).At(stead.Place{Path: "iam"})
	}
	name, err := session.Canonical(i.Name)
	if err != nil {
		return stead.AsError(err).At(stead.Place{Path: "name"})
	}
	i.Name = name
	for path, text := range map[string]string{"displayName": i.DisplayName, "email": i.Email, "description": i.Description} {
		if err := checkText(path, text, 4096); err != nil {
			return err
		}
	}
	if err := checkPermissions(i); err != nil {
		return err
	}
	if i.Attributes, err = checkAttributes(i.Attributes); err != nil {
		return err
	}
	if err := t.checkImpersonates(ctx, i); err != nil {
		return err
	}
	if err := checkExternal(i.External); err != nil {
		return err
	}
	if err := t.checkTaken(ctx, i); err != nil {
		return err
	}
	return t.checkOwner(ctx, i)
}

func checkPermissions(i *stead.Identity) error {
	for _, p := range i.Permissions {
		if !slices.Contains(stead.Permissions(), p) {
			return invalid("permissions", "permission %q is not known", shorten(string(p)))
		}
	}
	i.Permissions = sorted(i.Permissions)
	return nil
}

// checkAttributes sorts values, drops keys without any, and refuses NUL, which not every engine's text can
// hold; quotes and line breaks are values like others.
func checkAttributes(a stead.Attributes) (stead.Attributes, error) {
	out := stead.Attributes{}
	for key, values := range a {
		if err := checkLabel("attributes", key); err != nil {
			return nil, err
		}
		for _, v := range values {
			if len(v) > 1024 || strings.ContainsRune(v, 0) || strings.ToValidUTF8(v, "") != v {
				return nil, invalid("attributes."+key, "a value is longer than 1024 bytes, not UTF-8, or holds NUL")
			}
		}
		if len(values) > 0 {
			out[key] = sorted(values)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func (t *tx) checkImpersonates(ctx context.Context, i *stead.Identity) error {
	if i.Impersonates == nil {
		return nil
	}
	n := stead.Impersonates{}
	for _, p := range i.Impersonates.Users {
		if p.Kind != stead.UserPrincipal {
			return invalid("impersonates.users", "holds a %q", p.Kind)
		}
	}
	for _, p := range i.Impersonates.Groups {
		if p.Kind != stead.GroupPrincipal {
			return invalid("impersonates.groups", "holds a %q", p.Kind)
		}
	}
	var err error
	if n.Users, err = t.principals(ctx, "impersonates.users", i.Impersonates.Users); err != nil {
		return err
	}
	n.Groups, err = t.principals(ctx, "impersonates.groups", i.Impersonates.Groups)
	i.Impersonates = &n
	return err
}

func checkExternal(names map[stead.Platform]string) error {
	known := []stead.Platform{stead.PostgreSQL, stead.Redshift, stead.Snowflake, stead.Databricks, stead.Spark, stead.Synapse, stead.Trino}
	for platform, name := range names {
		if !slices.Contains(known, platform) {
			return invalid("external", "platform %q is not known", shorten(string(platform)))
		}
		if err := checkLabel("external."+string(platform), name); err != nil {
			return err
		}
	}
	return nil
}

// checkOwner: only agents have one.
func (t *tx) checkOwner(ctx context.Context, i *stead.Identity) error {
	if i.Owner == nil {
		return nil
	}
	if i.Kind != stead.Agent {
		return invalid("owner", "only an agent has an owner")
	}
	p, err := t.principal(ctx, "owner", *i.Owner)
	i.Owner = &p
	return err
}

// checkActsIn refuses a project that does not exist or that the identity is not in, with one text.
func (t *tx) checkActsIn(ctx context.Context, key string, i *stead.Identity) error {
	p, _, err := find[stead.Project](ctx, t, store.Projects, key)
	if err != nil {
		return err
	}
	if p != nil {
		member, err := t.among(ctx, slices.Concat(p.Members, p.Owners), i)
		if err != nil || member {
			return err
		}
	}
	return stead.Errorf(stead.NotFound, "project %q does not exist, or %s is not a member", shorten(key), session.FormatName(i.IAM, i.Name)).
		WithHint("make them a member of the project first")
}

// checkTaken refuses a name on a platform that another identity was given there: one login would be two people.
func (t *tx) checkTaken(ctx context.Context, i *stead.Identity) error {
	mine := store.IdentityKey(i.IAM, i.Name)
	for platform, name := range i.External {
		if name == stead.NoExternal {
			continue
		}
		if t.external == nil {
			if err := t.readExternal(ctx); err != nil {
				return err
			}
		}
		if holder, taken := t.external[external{platform, name}]; taken && holder != mine {
			return stead.Errorf(stead.Conflict, "%q on %s is another identity's name already", shorten(name), platform).
				At(stead.Place{Path: "external." + string(platform)}).WithHint("each login there belongs to one identity")
		}
	}
	return nil
}

// external is a name that an identity was given on a platform.
type external struct {
	platform stead.Platform
	name     string
}

func (t *tx) readExternal(ctx context.Context) error {
	t.external = map[external]string{}
	return every(ctx, t, store.Identities, func(_ store.Row, i *stead.Identity) error {
		t.holdExternal(&stead.Identity{}, i)
		return nil
	})
}

// holdExternal keeps what was read in step with what is written after it.
func (t *tx) holdExternal(old, i *stead.Identity) {
	if t.external == nil {
		return
	}
	for platform, name := range old.External {
		if t.external[external{platform, name}] == store.IdentityKey(old.IAM, old.Name) {
			delete(t.external, external{platform, name})
		}
	}
	for platform, name := range i.External {
		if name != stead.NoExternal {
			t.external[external{platform, name}] = store.IdentityKey(i.IAM, i.Name)
		}
	}
}
