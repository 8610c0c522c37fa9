package wiretest

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"

	"stead"
	"stead/internal/session"
)

// SignIn knows users by their passwords.
type SignIn map[string]string

// APIKey knows none.
func (f SignIn) APIKey(context.Context, string) (session.Login, error) {
	return session.Login{}, stead.Errorf(stead.Unauthenticated, "no")
}

// SCRAM proves a user of the list; any other fails at the end, as a wrong password does.
func (f SignIn) SCRAM(_ context.Context, _, user string) (session.SCRAM, error) {
	salt := []byte("0123456789abcdef")
	password, known := f[user]
	salted, err := pbkdf2.Key(sha256.New, password, salt, 4096, 32)
	if err != nil {
		return session.SCRAM{}, err
	}
	mac := func(key, msg []byte) []byte { h := hmac.New(sha256.New, key); h.Write(msg); return h.Sum(nil) }
	return session.SCRAM{Salt: salt, Iterations: 4096, Verify: func(auth string, proof []byte) ([]byte, session.Login, error) {
		clientKey := mac(salted, []byte("Client Key"))
		stored := sha256.Sum256(clientKey)
		sig := mac(stored[:], []byte(auth))
		got := make([]byte, len(proof))
		for i := range proof {
			got[i] = proof[i] ^ sig[i]
		}
		if !known || !hmac.Equal(got, clientKey) {
			return nil, session.Login{}, stead.Errorf(stead.Unauthenticated, "no")
		}
		login := session.Login{Actor: stead.Actor{Login: user, Name: user, Identity: stead.IdentityID(len(user))}}
		return mac(mac(salted, []byte("Server Key")), []byte(auth)), login, nil
	}}, nil
}
