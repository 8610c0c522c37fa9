package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"stead"
	"stead/internal/keys"
)

// signingKey is the keeper's name of the key that signs checkpoints.
const signingKey = "audit/signing"

// Checkpoint is a signature over the chain up to the line that holds it. Whoever has no key cannot
// rewrite what lies before it.
type Checkpoint struct {
	Time time.Time `json:"time"`
	// Closes says that nothing follows in the segment.
	Closes    bool   `json:"closes,omitempty"`
	Key       int    `json:"key"` // version of the signing key
	Signature []byte `json:"signature"`
}

// message is what a checkpoint at the line after head signs.
func (c *Checkpoint) message(head Head) []byte {
	return fmt.Appendf(nil, "stead audit checkpoint 1\n%s\n%d\n%s\n%s\n%t\n", head.Writer, head.Seq+1, head.Hash, stamp(c.Time), c.Closes)
}

// Tombstone says that retention removed the chain up to and including Head.
type Tombstone struct {
	Head
	Time      time.Time `json:"time"`
	Key       int       `json:"key"`
	Signature []byte    `json:"signature"`
}

func (t *Tombstone) message() []byte {
	return fmt.Appendf(nil, "stead audit tombstone 1\n%s\n%d\n%s\n%s\n", t.Writer, t.Seq, t.Hash, stamp(t.Time))
}

// check returns what is wrong with a checkpoint at the line after head, nil if nothing is.
func (c *Checkpoint) check(head Head, keys PublicKeys) error {
	return checkSignature(c.message(head), c.Signature, c.Key, keys)
}

// check returns what is wrong with a tombstone, nil if nothing is.
func (t *Tombstone) check(writer string, keys PublicKeys) error {
	if t.Writer != writer {
		return fmt.Errorf("it belongs to the writer %q", t.Writer)
	}
	return checkSignature(t.message(), t.Signature, t.Key, keys)
}

func checkSignature(message, signature []byte, version int, keys PublicKeys) error {
	key, err := keys(version)
	if err != nil {
		return fmt.Errorf("its signing key is not known: %w", err)
	}
	if !ed25519.Verify(key, message, signature) {
		return errors.New("its signature is not that of the signing key")
	}
	return nil
}

// signer signs with the current key.
type signer struct {
	key     ed25519.PrivateKey
	version int
}

func newSigner(ctx context.Context, k keys.Keeper) (signer, error) {
	s, err := k.Secret(ctx, signingKey)
	if err != nil {
		return signer{}, err
	}
	return signer{key: ed25519.NewKeyFromSeed(s.Bytes[:]), version: s.Version}, nil
}

// PublicKeys finds the public key of a version of the signing key.
type PublicKeys func(version int) (ed25519.PublicKey, error)

// KeysOf finds public keys through the keeper. One without keys.History knows the current key only.
func KeysOf(ctx context.Context, k keys.Keeper) PublicKeys {
	return func(version int) (ed25519.PublicKey, error) {
		s, err := secretOf(ctx, k, version)
		if err != nil {
			return nil, err
		}
		return ed25519.NewKeyFromSeed(s.Bytes[:]).Public().(ed25519.PublicKey), nil
	}
}

func secretOf(ctx context.Context, k keys.Keeper, version int) (keys.Secret, error) {
	if h, ok := k.(keys.History); ok {
		return h.Version(ctx, signingKey, version)
	}
	s, err := k.Secret(ctx, signingKey)
	if err == nil && s.Version != version {
		err = stead.Errorf(stead.NotFound, "the signing key has no version %d", version)
	}
	return s, err
}
