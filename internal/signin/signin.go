// Package signin proves logins of the built-in identity manager: SCRAM with passwords and API
// keys, and API keys as bearer tokens. It reads the store, not the snapshot, so that a credential withdrawn a moment
// ago proves nothing. Credentials are made and withdrawn by govern.
package signin

import (
	"context"
	"time"

	"stead"
	"stead/internal/keys"
	"stead/internal/session"
	"stead/internal/store"
)

// mockSecret names the keeper's secret from which the parameters of unknown users follow.
const mockSecret = "signin/mock"

// Service implements session.SignIn.
type Service struct {
	store store.Store
	mock  []byte
	now   func() time.Time
}

var _ session.SignIn = (*Service)(nil)

// New returns a service. It asks the keeper once, for the secret behind mock parameters.
func New(ctx context.Context, s store.Store, k keys.Keeper, now func() time.Time) (*Service, error) {
	secret, err := k.Secret(ctx, mockSecret)
	if err != nil {
		return nil, err
	}
	return &Service{store: s, mock: secret.Bytes[:], now: now}, nil
}

// refused is the one error for everything that is wrong with a login.
func refused() error {
	return stead.Errorf(stead.Unauthenticated, "the user name or the secret is wrong").
		WithHint("check both; an API key may have expired or been revoked")
}

// missing reports whether err only says that a row does not exist. Any other error means that the
// store could not answer, which must not look like a wrong secret.
func missing(err error) bool { return err != nil && stead.CodeOf(err) == stead.NotFound }

// login is what a proven credential of the identity gives; key is nil for a password.
func login(i *stead.Identity, key *store.APIKey) session.Login {
	out := session.Login{Actor: stead.Actor{
		Login: session.FormatName(i.IAM, i.Name), Method: "scram", Credential: session.PasswordCredential,
		Identity: i.ID, IAM: i.IAM, Name: i.Name, Kind: i.Kind,
	}}
	if key != nil {
		out.Actor.Method, out.Actor.Credential = "apikey", session.KeyCredential(key.ID)
		out.Project, out.Expires = key.Project, key.Expires
	}
	return out
}

// Live refuses, with stead.Unauthenticated, an actor whose credential was withdrawn or whose identity was deleted
// or disabled since it signed in. Methods without a stored credential answer for the identity only.
func (s *Service) Live(ctx context.Context, a stead.Actor) error {
	err := s.store.View(ctx, func(r store.Reader) error {
		if a.Identity == 0 {
			return nil
		}
		row, err := r.Get(ctx, store.Identities, int64(a.Identity))
		if err != nil {
			return err
		}
		i, err := store.Decode[stead.Identity](row)
		if err != nil {
			return err
		}
		if i.Disabled {
			return refused()
		}
		return liveCredential(ctx, r, a)
	})
	if missing(err) {
		return refused()
	}
	return err
}

func liveCredential(ctx context.Context, r store.Reader, a stead.Actor) error {
	if id, ok := session.KeyOfCredential(a.Credential); ok {
		key, err := apiKey(ctx, r, id)
		if err == nil && key.Identity != a.Identity {
			return refused()
		}
		return err
	}
	if a.Credential != session.PasswordCredential {
		return nil
	}
	v, err := verifier(ctx, r, a.Identity)
	if err != nil {
		return err
	}
	for _, e := range v.Entries {
		if e.Credential == session.PasswordCredential {
			return nil
		}
	}
	return refused()
}

func apiKey(ctx context.Context, r store.Reader, id int64) (*store.APIKey, error) {
	row, err := r.Get(ctx, store.APIKeys, id)
	if err != nil {
		return nil, err
	}
	return store.Decode[store.APIKey](row)
}

func verifier(ctx context.Context, r store.Reader, id stead.IdentityID) (*store.Verifier, error) {
	row, err := r.Get(ctx, store.Verifiers, int64(id))
	if err != nil {
		return nil, err
	}
	return store.Decode[store.Verifier](row)
}
