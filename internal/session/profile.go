package session

import (
	"time"

	"stead"
)

// What follows is for platforms that enforce natively and look everything up: it tells by the same rules as Begin what holds
// for an identity as long as the world stays.

// Stored is who an identity is when it asks with nothing but its stored project, or somebody in its stead. Whether it may act in
// that project is for the decision. False when the identity may not ask at all.
func Stored(w World, id stead.IdentityID) (stead.Asker, bool) {
	own, ok := w.Identity(id)
	if !ok || own.Disabled {
		return stead.Asker{}, false
	}
	subject, ok := w.Subject(id)
	if !ok || subject.Identity != id {
		return stead.Asker{}, false
	}
	a := stead.Asker{Actor: stead.Actor{Login: own.Name, Identity: id, IAM: own.IAM, Name: own.Name, Kind: own.Kind},
		Subject: subject, Basis: stead.ByLogin, Revision: w.Revision(), Time: time.Unix(0, 0).UTC()} // nothing here depends on when
	r := request{login: Login{Actor: a.Actor}}
	if err := r.actIn(w, own, &a); err != nil {
		return stead.Asker{}, false
	}
	return a, true
}

// Impersonable reports whether somebody may ask in the identity's stead at all.
func Impersonable(w World, target *stead.Identity) bool { return standsFor(w, target) == "" }

// StandIns says in whose stead an identity may ask by its permission in stead: of all who are impersonable, of some
// of them, or of nobody.
func StandIns(own *stead.Identity) (all, some bool) { return permission(own) }

// MayStandIn reports whether the identity may, by its permission in stead, ask in the target's stead.
func MayStandIn(w World, own, target *stead.Identity) bool {
	return mayStandIn(w, engine{}, stead.Actor{Identity: own.ID, IAM: own.IAM, Name: own.Name}, own, target) == ""
}
