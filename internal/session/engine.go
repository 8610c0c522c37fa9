package session

import (
	"errors"
	"strings"

	"stead"
)

// engine says who may impersonate on an engine beside the permission, and what pins it. The
// names are of settings; "" means that the engine has no such setting.
type engine struct {
	impersonators string
	pin           string
}

// engineOf returns the rules of the room that asks; an unknown room is refused.
func engineOf(name string) (engine, error) {
	switch name {
	case "gateway":
		return engine{stead.GatewayImpersonators, stead.GatewaySingleImpersonation}, nil
	case "http", "trino":
		return engine{}, nil
	default:
		return engine{}, stead.Errorf(stead.Internal, "internal error").
			WithCause(errors.New("unknown engine " + name))
	}
}

func (e engine) pinned(w World) bool { return e.pin != "" && w.Setting(e.pin) == "true" }

// lists reports whether the setting names the login. An entry that cannot be read names nobody.
func (e engine) lists(w World, a stead.Actor) bool {
	if e.impersonators == "" {
		return false
	}
	iam, login := a.IAM, a.Name
	if a.Identity == 0 {
		name, err := Canonical(a.Login)
		if err != nil {
			return false
		}
		login = name
	}
	if iam == "" {
		iam = stead.DefaultIAM
	}
	for entry := range strings.SplitSeq(w.Setting(e.impersonators), ",") {
		entryIAM, name, err := ParseName(strings.TrimSpace(entry))
		if err == nil && entryIAM == iam && name == login {
			return true
		}
	}
	return false
}

// standIn finds the identity in whose stead the actor wants to ask, and says by the error's cause
// why it may not. The error's text is the same whatever the cause: it must not
// tell an existing name from a missing one.
func standIn(w World, e engine, a stead.Actor, own *stead.Identity, requested string) (*stead.Identity, error) {
	iam, name, err := ParseName(requested)
	if err != nil {
		return nil, notInStead(requested, "the name is not valid")
	}
	target, ok := w.IdentityByName(iam, name)
	if !ok {
		return nil, notInStead(requested, "no such identity")
	}
	if why := mayStandIn(w, e, a, own, target); why != "" {
		return nil, notInStead(requested, why)
	}
	return target, nil
}

// mayStandIn returns why not, "" when the actor may ask in the target's stead.
func mayStandIn(w World, e engine, a stead.Actor, own, target *stead.Identity) string {
	if why := standsFor(w, target); why != "" {
		return why
	}
	if e.lists(w, a) {
		return ""
	}
	all, some := permission(own)
	switch {
	case !all && !some:
		return "the actor does not hold IMPERSONATE_USER and is not an allowed impersonator"
	case all || isMember(w, own.Impersonates.Users, target) || isMember(w, own.Impersonates.Groups, target):
		return ""
	}
	return "the target is outside the actor's list of users and groups to stand in for"
}

// permission says what the permission in stead gives: the stead of all who may be impersonated, of some, or of nobody.
func permission(own *stead.Identity) (all, some bool) {
	if !own.Holds(stead.ImpersonateUser) {
		return false, false
	}
	return own.Impersonates == nil, own.Impersonates != nil
}

func isMember(w World, list []stead.Principal, target *stead.Identity) bool {
	return len(list) > 0 && w.IsMember(list, target.ID)
}

// standsFor returns why nobody may stand in for the target, "" when somebody may.
func standsFor(w World, target *stead.Identity) string {
	switch {
	case target.Disabled:
		return "the target is disabled"
	case target.Kind != stead.User:
		return "the target is not a user"
	case target.Administers() && w.Setting(stead.ImpersonateAdministrators) != "true":
		return "the target administers stead and " + stead.ImpersonateAdministrators + " is not set"
	default:
		return ""
	}
}

func notInStead(requested, why string) error {
	return stead.Errorf(stead.Denied, "you may not ask in the stead of %q", shorten(requested)).
		WithHint("end the impersonation, or ask a user administrator for the right to stand in for this user").
		WithCause(errors.New(why))
}

// shorten keeps what the asker typed short enough for a message.
func shorten(s string) string {
	const most = 100
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
