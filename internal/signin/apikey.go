package signin

import (
	"context"
	"crypto/subtle"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// APIKey implements session.SignIn. The secret is compared by its hash before anything about
// the identity is read.
func (s *Service) APIKey(ctx context.Context, secret string) (session.Login, error) {
	id, ok := session.ParseKeySecret(secret)
	if !ok {
		return session.Login{}, refused()
	}
	var out session.Login
	err := s.store.View(ctx, func(r store.Reader) error {
		key, err := apiKey(ctx, r, id)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(key.Hash, session.KeyHash(secret)) != 1 || s.expired(key) {
			return refused()
		}
		row, err := r.Get(ctx, store.Identities, int64(key.Identity))
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
		out = login(i, key)
		return nil
	})
	if missing(err) {
		err = refused()
	}
	if err != nil {
		return session.Login{}, err
	}
	return out, nil
}

func (s *Service) expired(k *store.APIKey) bool {
	return k.Expires != nil && !s.now().Before(*k.Expires)
}
