package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// candidate is one credential that a proof is checked against.
type candidate struct {
	entry store.VerifierEntry
	login session.Login
}

// SCRAM implements session.SignIn. Salt and iterations are public; those of an unknown user follow from
// a secret, so that asking twice gives the same answer, as for a real one.
func (s *Service) SCRAM(ctx context.Context, iam, userName string) (session.SCRAM, error) {
	name, err := session.Canonical(userName)
	if err != nil || session.CheckIAM(iam) != nil {
		return s.exchange(s.mockSalt(iam, userName), nil), nil
	}
	salt, known := s.mockSalt(iam, name), []candidate(nil)
	err = s.store.View(ctx, func(r store.Reader) error {
		i, v, err := find(ctx, r, iam, name)
		if missing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if v.Iterations != session.Iterations {
			return stead.Errorf(stead.Internal, "internal error")
		}
		salt = v.Salt
		if i.Disabled {
			return nil
		}
		known, err = s.candidates(ctx, r, i, v)
		return err
	})
	if err != nil {
		return session.SCRAM{}, err
	}
	return s.exchange(salt, known), nil
}

// find reads the identity and its verifier; an unknown identity costs the same two reads.
func find(ctx context.Context, r store.Reader, iam, name string) (*stead.Identity, *store.Verifier, error) {
	row, err := r.Find(ctx, store.Identities, store.IdentityKey(iam, name))
	if err != nil {
		if _, verr := verifier(ctx, r, 0); verr != nil && !missing(verr) {
			return nil, nil, verr
		}
		return nil, nil, err
	}
	i, err := store.Decode[stead.Identity](row)
	if err != nil {
		return nil, nil, err
	}
	v, err := verifier(ctx, r, i.ID)
	return i, v, err
}

// candidates are the identity's credentials that hold now. An entry without its key is passed over: the key was revoked.
// An agent's password, should one ever have been written, proves nothing.
func (s *Service) candidates(ctx context.Context, r store.Reader, i *stead.Identity, v *store.Verifier) ([]candidate, error) {
	var out []candidate
	for _, e := range v.Entries {
		if e.Expires != nil && !s.now().Before(*e.Expires) {
			continue
		}
		if e.Credential == session.PasswordCredential && i.Kind == stead.User {
			out = append(out, candidate{e, login(i, nil)})
			continue
		}
		id, ok := session.KeyOfCredential(e.Credential)
		if !ok {
			continue
		}
		key, err := apiKey(ctx, r, id)
		if missing(err) || err == nil && (key.Identity != i.ID || s.expired(key)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, candidate{e, login(i, key)})
	}
	return out, nil
}

func (s *Service) mockSalt(iam, name string) []byte {
	return session.MAC(s.mock, iam+"\x1f"+name)[:16]
}

func (s *Service) exchange(salt []byte, known []candidate) session.SCRAM {
	return session.SCRAM{Salt: salt, Iterations: session.Iterations, Verify: func(message string, proof []byte) ([]byte, session.Login, error) {
		return s.verify(message, proof, known)
	}}
}

// verify checks the proof against every candidate, without stopping at the first that fits, and against one made-up
// entry when there is none.
func (s *Service) verify(message string, proof []byte, known []candidate) ([]byte, session.Login, error) {
	if len(known) == 0 {
		proves(s.mock, message, proof)
		return nil, session.Login{}, refused()
	}
	found := -1
	for i := range known {
		if proves(known[i].entry.StoredKey, message, proof) {
			found = i
		}
	}
	if found < 0 {
		return nil, session.Login{}, refused()
	}
	return session.MAC(known[found].entry.ServerKey, message), known[found].login, nil
}

// proves is RFC 5802: the proof is the client key XOR its signature, and the stored key is
// the hash of the client key.
func proves(storedKey []byte, message string, proof []byte) bool {
	if len(proof) != sha256.Size || len(storedKey) != sha256.Size {
		return false
	}
	key := make([]byte, sha256.Size)
	subtle.XORBytes(key, proof, session.MAC(storedKey, message))
	hash := sha256.Sum256(key)
	return subtle.ConstantTimeCompare(hash[:], storedKey) == 1
}
