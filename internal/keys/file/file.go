// Package file keeps secrets in a folder: one file for each version of each secret, 0600 in
// folders of 0700. Several processes may share the folder.
package file

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"stead"
	"stead/internal/keys"
)

const (
	secretsDir     = "secrets"
	credentialsDir = "credentials"
	maxName        = 180
)

// Keeper keeps secrets in a folder.
type Keeper struct {
	dir string
	mu  sync.Mutex
	// durable has the versions that this process saw on the disk: what another process linked a moment
	// ago is not used before the folder is flushed.
	durable map[string]int
}

var (
	_ keys.Keeper      = (*Keeper)(nil)
	_ keys.History     = (*Keeper)(nil)
	_ keys.Credentials = (*Keeper)(nil)
)

// Open opens the folder and makes it if there is none. A folder that others may read is refused.
func Open(dir string) (*Keeper, error) {
	k := &Keeper{dir: dir, durable: map[string]int{}}
	for _, d := range []string{dir, filepath.Join(dir, secretsDir), filepath.Join(dir, credentialsDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, away(err)
		}
		info, err := os.Lstat(d)
		if err != nil {
			return nil, away(err)
		}
		if err := private(info, "the keys folder"); err != nil {
			return nil, err
		}
	}
	return k, errors.Join(flush(dir), flush(filepath.Dir(dir)))
}

// Secret implements keys.Keeper.
func (k *Keeper) Secret(ctx context.Context, name string) (keys.Secret, error) {
	dir, err := k.folder(ctx, name)
	if err != nil {
		return keys.Secret{}, err
	}
	version, err := newest(dir)
	if err != nil {
		return keys.Secret{}, err
	}
	if version == 0 {
		version = 1
		if err := k.create(dir, version); err != nil && !errors.Is(err, fs.ErrExist) {
			return keys.Secret{}, away(err)
		}
	}
	return k.read(dir, name, version)
}

// Rotate implements keys.Keeper.
func (k *Keeper) Rotate(ctx context.Context, name string) (keys.Secret, error) {
	dir, err := k.folder(ctx, name)
	if err != nil {
		return keys.Secret{}, err
	}
	for {
		version, err := newest(dir)
		if err != nil {
			return keys.Secret{}, err
		}
		switch err := k.create(dir, version+1); {
		case err == nil:
			return k.read(dir, name, version+1)
		case !errors.Is(err, fs.ErrExist): // another rotation took the number
			return keys.Secret{}, away(err)
		}
	}
}

// Version implements keys.History.
func (k *Keeper) Version(ctx context.Context, name string, version int) (keys.Secret, error) {
	dir, err := k.folder(ctx, name)
	if err != nil {
		return keys.Secret{}, err
	}
	s, err := k.read(dir, name, version)
	if errors.Is(err, fs.ErrNotExist) {
		return keys.Secret{}, stead.Errorf(stead.NotFound, "the secret %q has no version %d", name, version)
	}
	return s, err
}

// folder returns the folder of a secret and refuses names that are none.
func (k *Keeper) folder(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", stead.Errorf(stead.Canceled, "the request was canceled").WithCause(err)
	}
	file, err := fileName(name)
	return filepath.Join(k.dir, secretsDir, file), err
}

// fileName spells a name so that it is one file name on every file system, also where these ignore case.
func fileName(name string) (string, error) {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	if b.Len() == 0 || b.Len() > maxName {
		return "", stead.Errorf(stead.Invalid, "the name of a secret must have 1 to %d characters", maxName).
			WithHint("choose a shorter name")
	}
	return b.String(), nil
}

// newest is the highest version in the folder, 0 if there is none.
func newest(dir string) (int, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, away(err)
	}
	highest := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "new-") { // of a process that was killed, or is about to link it
			continue
		}
		n, err := strconv.Atoi(e.Name())
		if err != nil || n < 1 {
			return 0, stead.Errorf(stead.Unavailable, "the keys folder has a file that does not belong there").
				WithHint("remove %s", filepath.Join(secretsDir, filepath.Base(dir), e.Name()))
		}
		highest = max(highest, n)
	}
	return highest, nil
}

// create makes a version, or fails with fs.ErrExist if it is there. A link is all or nothing.
func (k *Keeper) create(dir string, version int) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := flush(filepath.Dir(dir)); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "new-") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = f.WriteString(hex.EncodeToString(secret[:]) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(dir, strconv.Itoa(version)))
}

// read reads a version strictly: 64 lower-case hexadecimal digits and a newline, in a file of nobody else's.
func (k *Keeper) read(dir, name string, version int) (keys.Secret, error) {
	if err := k.settle(dir, version); err != nil {
		return keys.Secret{}, err
	}
	s := keys.Secret{Version: version}
	file := filepath.Join(dir, strconv.Itoa(version))
	text, err := readPrivate(file, fmt.Sprintf("the secret %q", name), 65)
	if err != nil {
		return keys.Secret{}, err
	}
	b, err := hex.DecodeString(strings.TrimSuffix(text, "\n"))
	copy(s.Bytes[:], b)
	if err != nil || text != s.Hex()+"\n" {
		return keys.Secret{}, stead.Errorf(stead.Unavailable, "the secret %q is damaged", name).
			WithHint("restore %s from a backup", filepath.Join(secretsDir, filepath.Base(dir), strconv.Itoa(version)))
	}
	return s, nil
}

// settle makes sure, once, that the version is on the disk.
func (k *Keeper) settle(dir string, version int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.durable[dir] >= version {
		return nil
	}
	if err := flush(dir); errors.Is(err, fs.ErrNotExist) {
		return nil // the read says what is missing
	} else if err != nil {
		return away(err)
	}
	k.durable[dir] = version
	return nil
}

func flush(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// away is the error for a folder that cannot be used; the path is in the cause, for the log.
func away(err error) error {
	return stead.Errorf(stead.Unavailable, "the keys folder cannot be read or written").
		WithHint("an operator checks the folder, its permissions and its disk").WithCause(err)
}
