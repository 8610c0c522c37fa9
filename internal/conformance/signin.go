package conformance

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"

	"stead"
	"stead/internal/session"
)

// password is everybody's. Sign-in has tests of its own; here it only has to say who asks.
const password = "corpus"

// trusting proves who knows the password, for every identity of the current case.
type trusting struct{ g *live }

func (t trusting) APIKey(context.Context, string) (session.Login, error) {
	return session.Login{}, stead.Errorf(stead.Unauthenticated, "sign-in failed")
}

func (t trusting) SCRAM(_ context.Context, iam, user string) (session.SCRAM, error) {
	salt := []byte("stead conformance")
	const iterations = 4096
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return session.SCRAM{}, err
	}
	mac := func(key, msg []byte) []byte { h := hmac.New(sha256.New, key); h.Write(msg); return h.Sum(nil) }
	verify := func(auth string, proof []byte) ([]byte, session.Login, error) {
		key := mac(salted, []byte("Client Key"))
		stored := sha256.Sum256(key)
		signature := mac(stored[:], []byte(auth))
		for i := range min(len(proof), len(signature)) {
			signature[i] ^= proof[i]
		}
		if !hmac.Equal(signature, key) {
			return nil, session.Login{}, stead.Errorf(stead.Unauthenticated, "sign-in failed")
		}
		return mac(mac(salted, []byte("Server Key")), []byte(auth)), t.login(iam, user), nil
	}
	return session.SCRAM{Salt: salt, Iterations: iterations, Verify: verify}, nil
}

func (t trusting) login(iam, user string) session.Login {
	a := stead.Actor{Login: user, Method: "scram"}
	t.g.mu.Lock()
	defer t.g.mu.Unlock()
	name, err := session.Canonical(user)
	if err != nil {
		return session.Login{Actor: a}
	}
	if iam == "" {
		iam = stead.DefaultIAM
	}
	if i, ok := t.g.world.IdentityByName(iam, name); ok {
		a.Identity, a.IAM, a.Name, a.Kind = i.ID, i.IAM, i.Name, i.Kind
	}
	return session.Login{Actor: a}
}
