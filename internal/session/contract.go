// Package session turns a proven login into an asker, once per statement, for every
// engine: leases, impersonation and pinning, projects, the permission checks, the
// decision, and the intent record that must be durable before an answer leaves.
package session

import (
	"context"
	"time"

	"stead"
)

// Login is a proven login: what sign-in hands to session.
type Login struct {
	Actor stead.Actor
	// Project fixes the project (a project API key); "" leaves the identity's stored one.
	Project string
	// Lease, when not nil, was presented with the login and proven to be its.
	Lease *stead.Lease
	// Expires, when not nil, is when the credential stops working; sessions end with it.
	Expires *time.Time
}

// SignIn proves logins. Implementations are adapters (internal/signin); every engine
// and transport uses this contract. Failures are stead.Unauthenticated with one fixed
// text whatever the reason, and take the same time for unknown identities.
type SignIn interface {
	// APIKey proves an API key.
	APIKey(ctx context.Context, secret string) (Login, error)
	// SCRAM returns what a SCRAM-SHA-256 exchange for the user name needs. For an unknown or
	// disabled identity it returns stable mock parameters with which no proof succeeds.
	SCRAM(ctx context.Context, iam, userName string) (SCRAM, error)
}

// SCRAM holds the parameters of one exchange and finishes it.
type SCRAM struct {
	Salt       []byte
	Iterations int
	// Verify checks a client proof over authMessage against every credential of the identity and
	// returns the server signature and the login.
	Verify func(authMessage string, clientProof []byte) (serverSignature []byte, login Login, err error)
}

// Client says where a session comes from, for records.
type Client struct {
	Address     string
	Application string
	// Connection is the key of the connection that is asked on.
	Connection string
	// Engine is the room that asks: "gateway", "trino", "spark", "http".
	Engine string
}
