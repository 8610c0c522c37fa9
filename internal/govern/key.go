package govern

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// maxKeys bounds the credentials of an identity: signing in checks a proof against each.
const maxKeys = 50

// NewKey is an API key to be made.
type NewKey struct {
	IAM      string // of the identity
	Identity string // user name
	Name     string // of the key, unique for the identity
	Expires  *time.Time
	// Project, when set, is the project the key acts in; such a key changes nothing in stead.
	Project string
}

// CreateKey makes an API key. The secret is returned here and nowhere else. Users make their own; an agent's owner makes its; USER_ADMIN
// makes any, which is recorded as widening, since whoever holds a key is that identity.
func (s *Service) CreateKey(ctx context.Context, c Caller, n NewKey) (secret string, key store.APIKey, err error) {
	_, err = s.update(ctx, c, func(t *tx) error {
		secret, key, err = t.createKey(ctx, n)
		return err
	})
	if err != nil {
		return "", store.APIKey{}, err
	}
	return secret, key, nil
}

func (t *tx) createKey(ctx context.Context, n NewKey) (string, store.APIKey, error) {
	i, err := t.credentialsOf(ctx, n.IAM, n.Identity)
	if err != nil {
		return "", store.APIKey{}, err
	}
	if err := checkLabel("name", n.Name); err != nil {
		return "", store.APIKey{}, err
	}
	if n.Expires != nil && !n.Expires.After(t.now) {
		return "", store.APIKey{}, invalid("expires", "lies in the past")
	}
	if n.Project != "" {
		if err := t.checkActsIn(ctx, n.Project, i); err != nil {
			return "", store.APIKey{}, err
		}
	}
	key := store.APIKey{Identity: i.ID, Name: n.Name, Created: t.now, Expires: n.Expires, Project: n.Project}
	return t.addKey(ctx, i, key)
}

// addKey stores the key twice: its id goes into the secret, and the secret's hash into the key.
func (t *tx) addKey(ctx context.Context, i *stead.Identity, key store.APIKey) (string, store.APIKey, error) {
	o, err := put(ctx, t, store.APIKeys, store.Row{}, apiKeyKey(i.ID, key.Name), keyName(i, key.Name), &key)
	if err != nil {
		return "", store.APIKey{}, err
	}
	key.ID = o.ID
	secret := session.NewKeySecret(key.ID)
	key.Hash = session.KeyHash(secret)
	if _, err := put(ctx, t, store.APIKeys, store.Row{ID: key.ID, Key: apiKeyKey(i.ID, key.Name)}, apiKeyKey(i.ID, key.Name), "", &key); err != nil {
		return "", store.APIKey{}, err
	}
	if err := t.addCredential(ctx, i, session.KeyCredential(key.ID), secret, key.Expires); err != nil {
		return "", store.APIKey{}, err
	}
	o.Widens = []string{"whoever holds it is " + session.FormatName(i.IAM, i.Name)}
	_, err = t.done(ctx, o)
	return secret, key, err
}

// RevokeKey deletes an API key; sessions that came with it end with their next statement. For the identity, an agent's owner, USER_ADMIN.
func (s *Service) RevokeKey(ctx context.Context, c Caller, iam, identity, name string) error {
	_, err := s.update(ctx, c, func(t *tx) error {
		i, err := t.credentialsOf(ctx, iam, identity)
		if err != nil {
			return err
		}
		key, row, err := find[store.APIKey](ctx, t, store.APIKeys, apiKeyKey(i.ID, name))
		if err == nil && key == nil {
			err = missing(store.APIKeys, keyName(i, name))
		}
		if err != nil {
			return err
		}
		o, err := remove(ctx, t, store.APIKeys, row, keyName(i, name))
		if err != nil {
			return err
		}
		if _, err := t.dropCredential(ctx, i.ID, session.KeyCredential(key.ID)); err != nil {
			return err
		}
		_, err = t.done(ctx, o)
		return err
	})
	return err
}

// Keys lists the API keys of an identity, without anything that a secret could be compared with.
func (s *Service) Keys(ctx context.Context, c Caller, iam, identity string) ([]store.APIKey, error) {
	var out []store.APIKey
	err := s.view(ctx, c, func(r store.Reader, who *stead.Identity) error {
		i, err := mayHoldCredentials(ctx, r, who, iam, identity)
		if err != nil {
			return err
		}
		return every(ctx, r, store.APIKeys, func(_ store.Row, k *store.APIKey) error {
			if k.Identity == i.ID {
				k.Hash = nil
				out = append(out, *k)
			}
			return nil
		})
	})
	return out, err
}

// SetPassword sets a user's password, or removes it when it is empty. For the user and USER_ADMIN; agents have API keys only.
func (s *Service) SetPassword(ctx context.Context, c Caller, iam, identity, password string) error {
	_, err := s.update(ctx, c, func(t *tx) error {
		i, err := t.credentialsOf(ctx, iam, identity)
		if err != nil {
			return err
		}
		o := Outcome{Noun: store.Verifiers, Key: session.FormatName(i.IAM, i.Name), Op: Delete}
		had, err := t.dropCredential(ctx, i.ID, session.PasswordCredential)
		if err != nil {
			return err
		}
		if !had && password == "" {
			return nil
		}
		if password != "" {
			if i.Kind != stead.User {
				return stead.Errorf(stead.Unsupported, "an agent has no password").WithHint("make an API key for it")
			}
			if err := session.CheckPassword(password); err != nil {
				return err
			}
			if err := t.addCredential(ctx, i, session.PasswordCredential, password, nil); err != nil {
				return err
			}
			o.Op, o.Widens = Update, []string{"whoever knows it is " + o.Key}
		}
		_, err = t.done(ctx, o)
		return err
	})
	return err
}

// credentialsOf finds the identity whose credentials the caller may change.
func (t *tx) credentialsOf(ctx context.Context, iam, name string) (*stead.Identity, error) {
	return mayHoldCredentials(ctx, t, t.who, iam, name)
}

// mayHoldCredentials tells nobody else whether the identity exists.
func mayHoldCredentials(ctx context.Context, r store.Reader, who *stead.Identity, iam, name string) (*stead.Identity, error) {
	i, _, err := findIdentity(ctx, r, iam, name)
	if who.Holds(stead.UserAdmin) {
		return i, err
	}
	denied := stead.Errorf(stead.Denied, "you may not look after the credentials of %q", shorten(name)).
		WithHint("this is for the user, an agent's owner, and %s", stead.UserAdmin)
	if err != nil {
		if absent(err) || stead.CodeOf(err) == stead.Invalid {
			return nil, denied
		}
		return nil, err
	}
	if i.ID == who.ID {
		return i, nil
	}
	if i.Kind == stead.Agent && i.Owner != nil {
		owns, err := among(ctx, r, []stead.Principal{*i.Owner}, who)
		if err != nil || owns {
			return i, err
		}
	}
	return nil, denied
}

func apiKeyKey(id stead.IdentityID, name string) string {
	return store.KeyOf(strconv.FormatInt(int64(id), 10), name)
}

func keyName(i *stead.Identity, name string) string {
	return session.FormatName(i.IAM, i.Name) + "/" + name
}

// addCredential adds one entry to the identity's verifier, which is made on first use.
func (t *tx) addCredential(ctx context.Context, i *stead.Identity, credential, secret string, expires *time.Time) error {
	v, err := t.verifier(ctx, i.ID)
	if err != nil {
		return err
	}
	if len(v.Entries) >= maxKeys {
		return stead.Errorf(stead.Limit, "an identity has at most %d credentials", maxKeys).WithHint("revoke keys that are not used any more")
	}
	entry, err := session.NewEntry(credential, secret, v.Salt, expires)
	if err != nil {
		return err
	}
	v.Entries = append(v.Entries, entry)
	return t.putVerifier(ctx, v)
}

// dropCredential takes a credential out and reports whether it was there.
func (t *tx) dropCredential(ctx context.Context, id stead.IdentityID, credential string) (bool, error) {
	v, err := t.verifier(ctx, id)
	if err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(v.Entries, func(e store.VerifierEntry) bool { return e.Credential == credential })
	if len(kept) == len(v.Entries) {
		return false, nil
	}
	v.Entries = kept
	return true, t.putVerifier(ctx, v)
}

func (t *tx) verifier(ctx context.Context, id stead.IdentityID) (*store.Verifier, error) {
	v, err := get[store.Verifier](ctx, t, store.Verifiers, int64(id))
	if absent(err) {
		return &store.Verifier{Identity: id, Salt: session.NewSalt(), Iterations: session.Iterations}, nil
	}
	if err == nil && v.Iterations != session.Iterations {
		return nil, stead.AsError(fmt.Errorf("verifier of identity %d has %d iterations", id, v.Iterations))
	}
	return v, err
}

func (t *tx) putVerifier(ctx context.Context, v *store.Verifier) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return stead.AsError(err)
	}
	_, err = t.Put(ctx, store.Row{Noun: store.Verifiers, ID: int64(v.Identity), Key: strconv.FormatInt(int64(v.Identity), 10), Doc: doc})
	return err
}

// dropCredentials deletes the verifier and every API key of an identity.
func (t *tx) dropCredentials(ctx context.Context, id stead.IdentityID) error {
	err := every(ctx, t, store.APIKeys, func(row store.Row, k *store.APIKey) error {
		if k.Identity != id {
			return nil
		}
		return t.Delete(ctx, store.APIKeys, row.ID)
	})
	if err != nil {
		return err
	}
	if err := t.Delete(ctx, store.Verifiers, int64(id)); err != nil && !absent(err) {
		return err
	}
	return nil
}
