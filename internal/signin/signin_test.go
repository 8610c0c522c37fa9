package signin

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"stead"
	"stead/internal/keys"
	"stead/internal/session"
	"stead/internal/store"
	"stead/internal/store/sqlite"
)

var ctx = context.Background()

type keeper struct{}

func (keeper) Secret(_ context.Context, name string) (keys.Secret, error) {
	return keys.Secret{Version: 1, Bytes: sha256.Sum256([]byte(name))}, nil
}
func (keeper) Rotate(context.Context, string) (keys.Secret, error) {
	return keys.Secret{}, errors.New("not here")
}
func (keeper) Credential(context.Context, string) (string, error) { return "", errors.New("not here") }

// world is a store with one identity, its password and a key.
type world struct {
	*Service
	t     *testing.T
	store store.Store
	now   time.Time
	who   *stead.Identity
	salt  []byte
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, store: s, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), salt: session.NewSalt()}
	w.Service, err = New(ctx, s, keeper{}, func() time.Time { return w.now })
	if err != nil {
		t.Fatal(err)
	}
	w.who = &stead.Identity{Kind: stead.User, IAM: "bim", Name: "ana"}
	w.put(store.Identities, store.IdentityKey("bim", "ana"), func() any { return w.who }, func(id int64) { w.who.ID = stead.IdentityID(id) })
	return w
}

func (w *world) put(noun store.Noun, key string, doc func() any, id func(int64)) {
	w.t.Helper()
	_, err := w.store.Update(ctx, func(tx store.Tx) error {
		row, err := tx.Find(ctx, noun, key)
		if err != nil && stead.CodeOf(err) != stead.NotFound {
			return err
		}
		text, err := json.Marshal(doc())
		if err != nil {
			return err
		}
		if store.Borrowed(noun) {
			row.ID = int64(w.who.ID)
		}
		row, err = tx.Put(ctx, store.Row{Noun: noun, ID: row.ID, Key: key, Doc: text})
		if id != nil {
			id(row.ID)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// give stores credentials: name -> secret.
func (w *world) give(secrets map[string]string, expires *time.Time) {
	v := store.Verifier{Identity: w.who.ID, Salt: w.salt, Iterations: session.Iterations}
	for credential, secret := range secrets {
		e, err := session.NewEntry(credential, secret, w.salt, expires)
		if err != nil {
			w.t.Fatal(err)
		}
		v.Entries = append(v.Entries, e)
	}
	w.put(store.Verifiers, strconv.Itoa(int(w.who.ID)), func() any { return v }, nil)
}

func (w *world) key(change func(*store.APIKey)) string {
	k := &store.APIKey{Identity: w.who.ID, Name: "k"}
	w.put(store.APIKeys, "k", func() any { return k }, func(id int64) { k.ID = id })
	secret := session.NewKeySecret(k.ID)
	k.Hash = session.KeyHash(secret)
	if change != nil {
		change(k)
	}
	w.put(store.APIKeys, "k", func() any { return k }, nil)
	return secret
}

// prove is the client's side of SCRAM, written from the RFC and not from the code under test.
func (w *world) prove(name, secret string) (session.Login, error) {
	w.t.Helper()
	p, err := w.SCRAM(ctx, "bim", name)
	if err != nil {
		w.t.Fatal(err)
	}
	message := "n=ana,r=x,r=xy,s=z,i=1,c=biws,r=xy"
	salted, _ := pbkdf2.Key(sha256.New, secret, p.Salt, p.Iterations, 32)
	clientKey := session.MAC(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof := make([]byte, 32)
	subtle.XORBytes(proof, clientKey, session.MAC(stored[:], message))
	signature, login, err := p.Verify(message, proof)
	if err == nil && !bytes.Equal(signature, session.MAC(session.MAC(salted, "Server Key"), message)) {
		w.t.Fatal("the server's signature is wrong")
	}
	return login, err
}

func refusedLogin(t *testing.T, l session.Login, err error) {
	t.Helper()
	if stead.CodeOf(err) != stead.Unauthenticated || l != (session.Login{}) {
		t.Fatalf("%+v, %v", l, err)
	}
	if err.Error() != refused().Error() {
		t.Fatalf("another text: %v", err)
	}
}

func TestSCRAM(t *testing.T) {
	w := newWorld(t)
	secret := w.key(nil)
	id, _ := session.ParseKeySecret(secret)
	w.give(map[string]string{session.PasswordCredential: "correct horse battery", session.KeyCredential(id): secret}, nil)

	for spelled, proof := range map[string]string{"ana": "correct horse battery", "ANA": secret} {
		l, err := w.prove(spelled, proof)
		if err != nil || l.Actor.Identity != w.who.ID || l.Actor.Name != "ana" {
			t.Fatalf("%s: %+v, %v", spelled, l, err)
		}
	}
	l, err := w.prove("ana", secret)
	if err != nil || l.Actor.Credential != session.KeyCredential(id) || l.Actor.Method != "apikey" {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, c := range [][2]string{{"ana", "wrong horse battery"}, {"ana", ""}, {"zoe", "correct horse battery"}, {"a\x00na", "x"}, {"", ""}} {
		l, err := w.prove(c[0], c[1])
		refusedLogin(t, l, err)
	}
	p, _ := w.SCRAM(ctx, "bim", "ana")
	for _, proof := range [][]byte{nil, make([]byte, 32), make([]byte, 33)} {
		_, l, err := p.Verify("m", proof)
		refusedLogin(t, l, err)
	}
}

func TestMockParametersAreStable(t *testing.T) {
	w := newWorld(t)
	w.give(map[string]string{session.PasswordCredential: "correct horse battery"}, nil)
	a, _ := w.SCRAM(ctx, "bim", "zoe")
	b, _ := w.SCRAM(ctx, "bim", "ZOE")
	c, _ := w.SCRAM(ctx, "bim", "yves")
	real, _ := w.SCRAM(ctx, "bim", "ana")
	if !bytes.Equal(a.Salt, b.Salt) || bytes.Equal(a.Salt, c.Salt) {
		t.Error("a mock salt is not stable for one name, or the same for two")
	}
	if len(a.Salt) != len(real.Salt) || a.Iterations != real.Iterations {
		t.Error("mock parameters can be told from real ones")
	}
}

func TestWithdrawnCredentialsProveNothing(t *testing.T) {
	soon := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	cases := map[string]func(*world){
		"disabled identity": func(w *world) {
			w.who.Disabled = true
			w.put(store.Identities, store.IdentityKey("bim", "ana"), func() any { return w.who }, nil)
		},
		"deleted identity": func(w *world) {
			if _, err := w.store.Update(ctx, func(tx store.Tx) error { return tx.Delete(ctx, store.Identities, int64(w.who.ID)) }); err != nil {
				t.Fatal(err)
			}
		},
		"revoked key": func(w *world) {
			if _, err := w.store.Update(ctx, func(tx store.Tx) error {
				row, err := tx.Find(ctx, store.APIKeys, "k")
				if err != nil {
					return err
				}
				return tx.Delete(ctx, store.APIKeys, row.ID)
			}); err != nil {
				t.Fatal(err)
			}
		},
		"expired": func(w *world) { w.now = soon },
	}
	for name, withdraw := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			secret := w.key(func(k *store.APIKey) { k.Expires, k.Project = &soon, "apollo" })
			id, _ := session.ParseKeySecret(secret)
			w.give(map[string]string{session.KeyCredential(id): secret}, &soon)
			l, err := w.APIKey(ctx, secret)
			if err != nil || l.Project != "apollo" || l.Expires == nil || l.Actor.Method != "apikey" {
				t.Fatalf("before: %+v, %v", l, err)
			}
			if err := w.Live(ctx, l.Actor); err != nil {
				t.Fatalf("before: %v", err)
			}
			if _, err := w.prove("ana", secret); err != nil {
				t.Fatalf("before: %v", err)
			}
			withdraw(w)
			gone, err := w.APIKey(ctx, secret)
			refusedLogin(t, gone, err)
			gone, err = w.prove("ana", secret)
			refusedLogin(t, gone, err)
			if err := w.Live(ctx, l.Actor); name != "expired" && stead.CodeOf(err) != stead.Unauthenticated {
				t.Fatalf("live: %v", err)
			}
		})
	}
}

func TestAPIKeyRefusesWhatIsNotOne(t *testing.T) {
	w := newWorld(t)
	secret := w.key(nil)
	for _, s := range []string{"", "stead_", "stead_1_", secret[:len(secret)-1], secret + "a", secret[:len(secret)-1] + "_", "stead_zz" + secret[7:], "stead_0" + secret[7:]} {
		l, err := w.APIKey(ctx, s)
		refusedLogin(t, l, err)
	}
	if err := w.Live(ctx, stead.Actor{Identity: w.who.ID, Credential: session.PasswordCredential}); stead.CodeOf(err) != stead.Unauthenticated {
		t.Errorf("live without a password: %v", err)
	}
}

func TestAgentsPasswordProvesNothing(t *testing.T) {
	w := newWorld(t)
	w.who.Kind = stead.Agent
	w.put(store.Identities, store.IdentityKey("bim", "ana"), func() any { return w.who }, nil)
	w.give(map[string]string{session.PasswordCredential: "correct horse battery"}, nil)
	l, err := w.prove("ana", "correct horse battery")
	refusedLogin(t, l, err)
}

func TestStoreThatIsAwayIsNotAWrongSecret(t *testing.T) {
	w := newWorld(t)
	secret := w.key(nil)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.APIKey(ctx, secret); err == nil || stead.CodeOf(err) == stead.Unauthenticated {
		t.Errorf("APIKey: %v", err)
	}
	if _, err := w.SCRAM(ctx, "bim", "ana"); err == nil || stead.CodeOf(err) == stead.Unauthenticated {
		t.Errorf("SCRAM: %v", err)
	}
	if err := w.Live(ctx, stead.Actor{Identity: w.who.ID}); err == nil || stead.CodeOf(err) == stead.Unauthenticated {
		t.Errorf("Live: %v", err)
	}
}

func FuzzAPIKey(f *testing.F) {
	for _, s := range []string{"", "stead_1_", "stead_1_" + string(bytes.Repeat([]byte("a"), 52)), "stead_-1_x", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := session.ParseKeySecret(s); ok && id <= 0 {
			t.Fatalf("%q: id %d", s, id)
		}
	})
}
