// Package keys is the contract of whatever keeps stead's secrets: salts of hash masks,
// the signing key of audit checkpoints, secrets of connections. Secrets never enter the
// store, records, logs or errors.
package keys

import (
	"context"
	"encoding/hex"
)

// Secret is 32 random bytes with a version, 1 for the first.
type Secret struct {
	Version int
	Bytes   [32]byte
}

// Hex is the secret as 64 lower-case hexadecimal digits, the form hash masks use.
func (s Secret) Hex() string { return hex.EncodeToString(s.Bytes[:]) }

// String never shows the secret.
func (Secret) String() string { return "[secret]" }

// GoString never shows the secret.
func (Secret) GoString() string { return "[secret]" }

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
