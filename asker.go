package stead

import "time"

// Actor is who is really connected. The zero Actor is nobody and may do nothing.
type Actor struct {
	// Login is the proven login as the connection gave it; it may map to no identity.
	Login string `json:"login"`
	// Method says how the login was proven: "scram", "apikey", "certificate", "local".
	Method string `json:"method,omitempty"`
	// Credential names the credential used (an API key's id), never the secret.
	Credential string       `json:"credential,omitempty"`
	Identity   IdentityID   `json:"identity,omitempty"` // 0: the login maps to none
	IAM        string       `json:"iam,omitempty"`
	Name       string       `json:"name,omitempty"`
	Kind       IdentityKind `json:"kind,omitempty"`
}

// Subject is the identity in whose stead the actor asks, with everything that
// conditions may ask about it. The zero Subject is nobody and sees nothing.
type Subject struct {
	Identity   IdentityID   `json:"identity"`
	IAM        string       `json:"iam"`
	Name       string       `json:"name"`
	Kind       IdentityKind `json:"kind"`
	Groups     []string     `json:"groups,omitempty"`     // Group.Fact names, transitive, with the system groups; sorted
	Attributes Attributes   `json:"attributes,omitempty"` // own and of the groups; values sorted
}

// Basis says by which rule the subject was found.
type Basis string

// The bases, in the order in which they are tried.
const (
	ByLease         Basis = "lease"
	ByImpersonation Basis = "impersonation"
	ByLogin         Basis = "login"
)

// Asker is everything a decision may depend on, resolved once per statement by
// session. The zero Asker is refused everything.
type Asker struct {
	Actor      Actor    `json:"actor"`
	Subject    Subject  `json:"subject"`
	Basis      Basis    `json:"basis"`
	Connection string   `json:"connection"`         // key of the connection asked on
	Project    string   `json:"project,omitempty"`  // key of the project acted in
	Purposes   []string `json:"purposes,omitempty"` // of that project, sorted
	Lease      LeaseID  `json:"lease,omitempty"`
	// Time of asking; the only clock a decision sees.
	Time time.Time `json:"time"`
	// Revision of the world the asker was resolved in.
	Revision Revision `json:"revision"`
}

// Impersonating reports whether actor and subject differ.
func (a *Asker) Impersonating() bool { return a.Basis == ByLease || a.Basis == ByImpersonation }

// Revision is the number of the last change, assigned in commit order.
type Revision int64

// LeaseID is the stable id of a lease.
type LeaseID int64

// Lease is what an agent is given, for a time, to act for one user.
type Lease struct {
	ID      LeaseID    `json:"id"`
	Agent   IdentityID `json:"agent"`
	User    IdentityID `json:"user"`
	Expires time.Time  `json:"expires"`
	Ended   bool       `json:"ended,omitempty"`
}
