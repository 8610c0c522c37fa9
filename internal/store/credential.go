package store

import (
	"time"

	"stead"
)

// Verifier is how an identity proves itself by SCRAM-SHA-256: one salt and iteration
// count for the identity, one entry for each credential (its password, each API key),
// so that any of them works in one exchange. Noun Verifiers, ID = key = the identity's id.
type Verifier struct {
	Identity   stead.IdentityID `json:"identity"`
	Salt       []byte           `json:"salt"`
	Iterations int              `json:"iterations"`
	Entries    []VerifierEntry  `json:"entries"`
}

// VerifierEntry is one credential. Neither member lets anybody sign in.
type VerifierEntry struct {
	// Credential is "password" or "apikey/<id>".
	Credential string     `json:"credential"`
	StoredKey  []byte     `json:"storedKey"`
	ServerKey  []byte     `json:"serverKey"`
	Expires    *time.Time `json:"expires,omitempty"`
}

// APIKey is a named, expiring secret of a user or agent. The secret is
// "stead_<id in base 36>_<52 characters of base 32>"; only its SHA-256 is kept. Noun APIKeys, key
// KeyOf(identity id in decimal, name).
type APIKey struct {
	ID       int64            `json:"id"`
	Identity stead.IdentityID `json:"identity"`
	Name     string           `json:"name"`
	Hash     []byte           `json:"hash"` // SHA-256 of the whole secret
	Created  time.Time        `json:"created"`
	Expires  *time.Time       `json:"expires,omitempty"`
	// Project, if set, is the project in which the key acts.
	Project string `json:"project,omitempty"`
}
