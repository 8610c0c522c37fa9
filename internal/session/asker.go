package session

import (
	"errors"
	"slices"
	"time"

	"stead"
)

// request is everything a session asks for; resolve turns it into an asker. It is a value: resolving has no
// effect, so the same request can be asked again in every world.
type request struct {
	login   Login
	client  Client
	engine  engine
	stands  Impersonation
	project *string // what SetProject asked for; nil is the stored one
}

// resolve answers who asks, in whose stead and in which project, in one world at one time. On any doubt
// it returns an error whose cause is for the audit log, and the zero asker, which is refused everything.
func (r *request) resolve(w World, now time.Time) (stead.Asker, error) {
	asker := stead.Asker{Actor: r.login.Actor, Connection: r.client.Connection, Time: now.UTC(), Revision: w.Revision()}
	if err := r.reachable(w, now); err != nil {
		return stead.Asker{}, err
	}
	own, err := r.own(w)
	if err != nil {
		return stead.Asker{}, err
	}
	if own != nil {
		asker.Actor.IAM, asker.Actor.Name, asker.Actor.Kind = own.IAM, own.Name, own.Kind
	}
	target, err := r.subject(w, now, asker.Actor, own, &asker)
	if err != nil {
		return stead.Asker{}, err
	}
	subject, ok := w.Subject(target.ID)
	if !ok || subject.Identity != target.ID {
		return stead.Asker{}, signedOut("the world has no facts about the subject")
	}
	asker.Subject = subject
	if err := r.actIn(w, target, &asker); err != nil {
		return stead.Asker{}, err
	}
	return asker, nil
}

// reachable checks the connection and the credential.
func (r *request) reachable(w World, now time.Time) error {
	c, ok := w.Connection(r.client.Connection)
	if !ok {
		return stead.Errorf(stead.NotFound, "connection %q is not known", shorten(r.client.Connection)).
			WithHint("name a connection that stead governs")
	}
	if c.Disabled {
		return stead.Errorf(stead.Denied, "connection %q is switched off", shorten(c.Key)).
			WithHint("ask an administrator").WithCause(errors.New("the connection is disabled"))
	}
	if r.login.Expires != nil && !now.Before(*r.login.Expires) {
		return signedOut("the credential has expired")
	}
	return nil
}

// own returns the actor's identity, nil when the login maps to none.
func (r *request) own(w World) (*stead.Identity, error) {
	actor := r.login.Actor
	if actor.Identity == 0 {
		if actor.Login == "" {
			return nil, signedOut("nobody is signed in")
		}
		return nil, nil
	}
	own, ok := w.Identity(actor.Identity)
	if !ok {
		return nil, signedOut("the actor's identity does not exist any more")
	}
	if own.Disabled {
		return nil, signedOut("the actor's identity is disabled")
	}
	return own, nil
}

// subject finds in whose stead: a lease, else an impersonation request, else the login. A request is
// never skipped: not even a lease stands above one, it forbids it.
func (r *request) subject(w World, now time.Time, a stead.Actor, own *stead.Identity, asker *stead.Asker) (*stead.Identity, error) {
	name, asked := r.stands.Requested()
	switch {
	case r.stands.InDoubt():
		return nil, stead.Errorf(stead.Unavailable, "it is not settled in whose stead this session asks").
			WithHint("set or end the impersonation again").WithCause(errors.New("an earlier change could not be judged"))
	case r.login.Lease != nil && asked:
		return nil, stead.Errorf(stead.Denied, "a lease cannot be combined with impersonation").
			WithHint("end the impersonation").WithCause(errors.New("impersonation requested under a lease"))
	case r.login.Lease != nil:
		asker.Basis, asker.Lease = stead.ByLease, r.login.Lease.ID
		return leased(w, *r.login.Lease, a, now)
	case asked:
		asker.Basis = stead.ByImpersonation
		return standIn(w, r.engine, a, own, name)
	case own == nil:
		return nil, stead.Errorf(stead.Denied, "this login has no rights of its own").
			WithHint("ask in somebody's stead").WithCause(errors.New("the login maps to no identity"))
	default:
		asker.Basis = stead.ByLogin
		return own, nil
	}
}

// leased returns the user of a lease that holds now.
func leased(w World, l stead.Lease, a stead.Actor, now time.Time) (*stead.Identity, error) {
	refused := func(why string) (*stead.Identity, error) {
		return nil, stead.Errorf(stead.Denied, "the lease does not hold").
			WithHint("ask for a new lease").WithCause(errors.New(why))
	}
	if l.Ended || !now.Before(l.Expires) {
		return refused("the lease has ended")
	}
	if a.Identity == 0 || a.Identity != l.Agent {
		return refused("the lease was given to another agent")
	}
	user, ok := w.Identity(l.User)
	if !ok {
		return refused("the user of the lease does not exist any more")
	}
	if why := standsFor(w, user); why != "" {
		return refused(why)
	}
	return user, nil
}

// actIn sets the project and its purposes. Acting for oneself a session may choose any project one is a member of, or
// none; in another's stead, or with a key bound to a project, a choice may only restate what holds anyway.
func (r *request) actIn(w World, target *stead.Identity, asker *stead.Asker) error {
	holds, fixed := target.Project, asker.Impersonating()
	if r.login.Project != "" {
		if fixed && r.login.Project != holds {
			return projectError(r.login.Project, "the key's project is not the one the subject acts in")
		}
		holds, fixed = r.login.Project, true
	}
	if r.project != nil && *r.project != holds {
		if fixed {
			return projectError(*r.project, "a project may only be restated here")
		}
		holds = *r.project
	}
	if holds == "" {
		return nil
	}
	p, ok := w.Project(holds)
	member := ok && (isMember(w, p.Members, target) || isMember(w, p.Owners, target))
	if !member && (r.project != nil || r.login.Project != "") {
		return projectError(holds, "the subject is not a member of the project, or it does not exist")
	}
	asker.Project = holds
	if member {
		asker.Purposes = slices.Sorted(slices.Values(p.Purposes))
	}
	return nil
}

func projectError(key, why string) error {
	return stead.Errorf(stead.Denied, "you may not act in project %q here", shorten(key)).
		WithHint("reset the project, or choose one you are a member of").WithCause(errors.New(why))
}

func signedOut(why string) error {
	return stead.Errorf(stead.Unauthenticated, "this session may not go on").
		WithHint("sign in again").WithCause(errors.New(why))
}
