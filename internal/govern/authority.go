package govern

import (
	"context"
	"slices"
	"strings"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// need refuses a caller who holds none of the permissions.
func (t *tx) need(what string, any ...stead.Permission) error {
	return holdsOne(t.who, what, any)
}

func holdsOne(who *stead.Identity, what string, any []stead.Permission) error {
	names := make([]string, len(any))
	for i, p := range any {
		if who.Holds(p) {
			return nil
		}
		names[i] = string(p)
	}
	return stead.Errorf(stead.Denied, "you may not %s", what).WithHint("this needs %s", strings.Join(names, " or "))
}

// needOwner refuses a caller who is not one of the owners, unless it holds one of the permissions.
func (t *tx) needOwner(ctx context.Context, what string, owners []stead.Principal, any ...stead.Permission) error {
	owns, err := t.among(ctx, owners, t.who)
	if err != nil || owns {
		return err
	}
	if len(any) == 0 {
		return stead.Errorf(stead.Denied, "you may not %s", what).WithHint("this is for its owners")
	}
	return t.need(what, any...)
}

// Authorize refuses a caller that holds none of the permissions; what completes "you may not ...". Adapters use it
// for what changes nothing: searching the audit log, explaining decisions about others.
func (s *Service) Authorize(ctx context.Context, c Caller, what string, any ...stead.Permission) error {
	return s.view(ctx, c, func(_ store.Reader, who *stead.Identity) error { return holdsOne(who, what, any) })
}

// view runs fn on one state, with the caller as it is there.
func (s *Service) view(ctx context.Context, c Caller, fn func(store.Reader, *stead.Identity) error) error {
	return s.store.View(ctx, func(r store.Reader) error {
		who, err := caller(ctx, r, c, s.now())
		if err != nil {
			return err
		}
		return fn(r, who)
	})
}

func isUser(p stead.Principal, i *stead.Identity) bool {
	return p.Kind == stead.UserPrincipal && p.IAM == i.IAM && p.Name == i.Name
}

// among reports whether the identity is one of the principals or in one of their groups.
func (t *tx) among(ctx context.Context, list []stead.Principal, i *stead.Identity) (bool, error) {
	return among(ctx, t, list, i)
}

func among(ctx context.Context, r store.Reader, list []stead.Principal, i *stead.Identity) (bool, error) {
	seen := map[stead.Principal]bool{}
	for queue := slices.Clone(list); len(queue) > 0; {
		p := queue[0]
		queue = queue[1:]
		if isUser(p, i) {
			return true, nil
		}
		if p.Kind != stead.GroupPrincipal || seen[p] {
			continue
		}
		seen[p] = true
		if p.IAM == stead.DefaultIAM && systemGroup(p.Name) {
			if p.Name == stead.AllIdentities || p.Name == stead.AllUsers && i.Kind == stead.User || p.Name == stead.AllAgents && i.Kind == stead.Agent {
				return true, nil
			}
			continue
		}
		g, _, err := find[stead.Group](ctx, r, store.Groups, store.GroupKey(p.IAM, p.Name))
		if err != nil {
			return false, err
		}
		if g != nil {
			queue = append(queue, g.Members...)
		}
	}
	return false, nil
}

// principals checks and canonicalises a list: each exists and is named once. System groups exist.
func (t *tx) principals(ctx context.Context, path string, list []stead.Principal) ([]stead.Principal, error) {
	var out []stead.Principal
	for _, p := range list {
		p, err := t.principal(ctx, path, p)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, comparePrincipals)
	return out, nil
}

func comparePrincipals(a, b stead.Principal) int {
	return strings.Compare(store.KeyOf(string(a.Kind), a.IAM, a.Name), store.KeyOf(string(b.Kind), b.IAM, b.Name))
}

func (t *tx) principal(ctx context.Context, path string, p stead.Principal) (stead.Principal, error) {
	if p.IAM == "" {
		p.IAM = stead.DefaultIAM
	}
	noun, key := store.Groups, store.GroupKey(p.IAM, p.Name)
	switch p.Kind {
	case stead.UserPrincipal:
		name, err := session.Canonical(p.Name)
		if err != nil {
			return p, stead.AsError(err).At(stead.Place{Path: path})
		}
		p.Name, noun, key = name, store.Identities, store.IdentityKey(p.IAM, name)
	case stead.GroupPrincipal:
		if p.IAM == stead.DefaultIAM && systemGroup(p.Name) {
			return p, nil
		}
	default:
		return p, invalid(path, "a principal is of type %q or %q", stead.UserPrincipal, stead.GroupPrincipal)
	}
	if _, err := t.Find(ctx, noun, key); err != nil {
		if stead.CodeOf(err) == stead.NotFound {
			return p, stead.AsError(missing(noun, session.FormatName(p.IAM, p.Name))).At(stead.Place{Path: path})
		}
		return p, err
	}
	return p, nil
}

func systemGroup(name string) bool {
	return name == stead.AllIdentities || name == stead.AllUsers || name == stead.AllAgents
}
