package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"stead"
	"stead/internal/keys"
	"stead/internal/keys/file"
	"stead/internal/store"
	"stead/internal/store/postgres"
	"stead/internal/store/sqlite"
)

// openStore opens the store that the configuration names: SQLite in the data folder, or a PostgreSQL database.
func (a *App) openStore(ctx context.Context) (err error) {
	if a.Config.Store == "" {
		a.Store, err = opened(sqlite.Open(a.Config.Data))
		return err
	}
	if a.lock, err = lockFolder(a.Config.Data); err != nil {
		return err
	}
	password, err := StorePassword(ctx, a.Config.keysDir())
	if err != nil {
		return err
	}
	a.Store, err = opened(postgres.Open(ctx, a.Config.Store, postgres.Options{Password: password, Server: a.Config.Server,
		Failed: func(err error) {
			a.Log.Warn("the store is not followed at present", "error", err, "cause", errors.Unwrap(err))
		}}))
	return err
}

// opened keeps a store that was not opened from being one that is not nil.
func opened[S store.Store](s S, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// StorePassword is the password of the store's database role: the credential "store" of the keys folder or of the
// environment, "" if there is none. A folder that is not there is not made.
func StorePassword(ctx context.Context, keysDir string) (string, error) {
	if _, err := os.Stat(keysDir); errors.Is(err, fs.ErrNotExist) {
		return os.Getenv(file.EnvPrefix + "STORE"), nil
	}
	k, err := file.Open(keysDir)
	if err != nil {
		return "", err
	}
	password, err := k.Credential(ctx, "store")
	if stead.CodeOf(err) == stead.NotFound {
		return "", nil
	}
	return password, err
}

// lockFolder keeps another process from the data folder, as the store in it does where it is there.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	err = errors.Join(err, f.Close())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, stead.Errorf(stead.Conflict, "another process uses the data folder").
			WithHint("stop the other stead server, or give this one a folder of its own").WithCause(err)
	}
	return nil, err
}

// openKeys opens the keeper. Keys that are not the store's are refused: others would change every hash
// mask, and nobody would be told.
func (a *App) openKeys(ctx context.Context) error {
	dir := a.Config.keysDir()
	revision, err := a.Store.Revision(ctx)
	if err != nil {
		return err
	}
	hint := "bring the folder %s of this store here, shared with its other servers or from a backup; to go on with new keys, which changes every hash mask, start once with --new-keys"
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && revision > 0 && !a.Config.NewKeys {
		return stead.Errorf(stead.Conflict, "the store is in use, and there are no keys").WithHint(hint, dir)
	}
	if a.Keeper, err = file.Open(dir); err != nil {
		return err
	}
	own, err := a.Keeper.Secret(ctx, "store/keys")
	if err != nil {
		return err
	}
	kept, err := a.Store.Mark(ctx, "keys", fingerprint(own), a.Config.NewKeys)
	if err != nil {
		return err
	}
	if kept != fingerprint(own) {
		return stead.Errorf(stead.Conflict, "the keys are not those of this store").WithHint(hint, dir)
	}
	a.pins = &pins{store: a.Store, keys: kept, seen: map[string]bool{}}
	return nil
}

// fingerprint names a secret to those who have it, and tells nothing to others.
func fingerprint(s keys.Secret) string {
	sum := sha256.Sum256([]byte("stead key fingerprint\n" + s.Hex()))
	return hex.EncodeToString(sum[:])
}

// pins sees that all servers of a store have the same keys: the first that uses a key leaves its fingerprint in the
// store, and whoever has another refuses to use it.
type pins struct {
	store store.Store
	keys  string // the fingerprint of the folder

	mu   sync.Mutex
	seen map[string]bool
}

func (p *pins) check(ctx context.Context, name string, s keys.Secret) error {
	name = fmt.Sprintf("key/%s/%s/%d", p.keys[:16], name, s.Version)
	p.mu.Lock()
	seen := p.seen[name]
	p.mu.Unlock()
	if seen {
		return nil
	}
	kept, err := p.store.Mark(ctx, name, fingerprint(s), false)
	if err != nil {
		return err
	}
	if kept != fingerprint(s) {
		return stead.Errorf(stead.Unavailable, "a key of this server is not that of the others").
			WithHint("an operator gives all servers of the store the same keys folder").WithCause(errors.New(name))
	}
	p.mu.Lock()
	p.seen[name] = true
	p.mu.Unlock()
	return nil
}
