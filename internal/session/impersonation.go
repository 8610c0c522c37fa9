package session

import "stead"

// Impersonation is the request of one session to ask in another's stead, the same for
// every engine whatever its users type. It holds what was asked for and whether that was
// ever accepted; whether it is permitted is asked again for every statement. The zero
// value is no request.
//
//	none --Request--> requested --Accept--> accepted
//	requested --Request/End--> requested/none            always
//	accepted  --Request/End--> requested/none            only where it is not pinned
//
// There is no way from a request to the actor's own rights but End, so a request that is
// refused refuses every statement until it is ended.
type Impersonation struct {
	name     string
	asked    bool
	accepted bool
	doubt    bool
}

// Request asks for the name, as typed; whether it names anybody is found out when the asker is
// resolved. It fails with stead.Denied, changing nothing, where an accepted other one is pinned.
func (i *Impersonation) Request(name string, pinned bool) error {
	if i.asked && i.name == name {
		i.doubt = false
		return nil
	}
	if i.accepted && pinned {
		return pinnedError()
	}
	*i = Impersonation{name: name, asked: true}
	return nil
}

// End goes back to the login's own rights. It fails like Request. Ending nothing is not an error.
func (i *Impersonation) End(pinned bool) error {
	if i.accepted && pinned {
		return pinnedError()
	}
	*i = Impersonation{}
	return nil
}

// Doubt notes a Request or End that could not be carried out because nobody could say whether it is
// pinned: a client that overlooked the error must not go on as the one before. It refuses every
// statement until the next Request or End that succeeds.
func (i *Impersonation) Doubt() { i.doubt = true }

// Accept notes that the request was permitted: from now on pinning holds it, even when the
// permission is withdrawn later, because ending it then would give the actor's own rights back.
func (i *Impersonation) Accept() { i.accepted = i.asked }

// Requested returns the name asked for, and false when nothing is.
func (i *Impersonation) Requested() (string, bool) { return i.name, i.asked }

// Accepted reports whether the request was permitted at least once.
func (i *Impersonation) Accepted() bool { return i.accepted }

// InDoubt reports whether Doubt was noted and not settled since.
func (i *Impersonation) InDoubt() bool { return i.doubt }

func pinnedError() error {
	return stead.Errorf(stead.Denied, "impersonation is pinned in this session and cannot be changed or ended").
		WithHint("open a new session")
}
