// Package keys is the contract of whatever keeps stead's secrets: salts of hash masks,
// the signing key of audit checkpoints, secrets of connections. Secrets never enter the
// store, records, logs or errors.
package keys

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
)

// Secret is 32 random bytes with a version, 1 for the first.
type Secret struct {
	Version int
	Bytes   [32]byte
}

// Hex is the secret as 64 lower-case hexadecimal digits, the form hash masks use.
func (s Secret) Hex() string { return hex.EncodeToString(s.Bytes[:]) }

// Format never shows the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// MarshalText never shows the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Keeper keeps named secrets.
type Keeper interface {
	// Secret returns the current secret of the name and makes it on first use. It is durable
	// before it is returned. Names are like "hash/source/12", "hash/project/apollo", "audit/signing".
	Secret(ctx context.Context, name string) (Secret, error)
	// Rotate replaces the secret by a new one with the next version.
	Rotate(ctx context.Context, name string) (Secret, error)
	// Credential returns the text of an operator-provided secret (a connection's password), or a
	// stead.NotFound error.
	Credential(ctx context.Context, name string) (string, error)
}

// Credentials is what a keeper offers beside: credentials that are given over the API. They are written, never read back by people.
type Credentials interface {
	// SetCredential keeps the text, replacing what was kept under the name. It is durable when it returns.
	SetCredential(ctx context.Context, name, text string) error
	// DeleteCredential forgets it; what is not kept here is a stead.NotFound error.
	DeleteCredential(ctx context.Context, name string) error
}

// History is what a keeper offers beside: earlier versions of a secret, by which what they
// signed can still be verified. An unknown version is a stead.NotFound error.
type History interface {
	Version(ctx context.Context, name string, version int) (Secret, error)
}
