package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"stead"
)

// EnvPrefix begins the environment variables that hold credentials: "warehouse/etl" is
// STEAD_CREDENTIAL_WAREHOUSE_ETL.
const EnvPrefix = "STEAD_CREDENTIAL_"

const maxCredential = 64 << 10

// Credential implements keys.Keeper: the file credentials/<name> of the folder (one newline at
// its end is no part of it), else the environment variable.
func (k *Keeper) Credential(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", stead.Errorf(stead.Canceled, "the request was canceled").WithCause(err)
	}
	file, err := fileName(name)
	if err != nil {
		return "", err
	}
	what := "the credential " + file
	text, err := readPrivate(filepath.Join(k.dir, credentialsDir, file), what, maxCredential)
	if errors.Is(err, fs.ErrNotExist) {
		value, ok := os.LookupEnv(variable(name))
		if !ok {
			return "", stead.Errorf(stead.NotFound, "%s is not kept here", what).
				WithHint("write it to %s in the keys folder (chmod 600), or set %s", filepath.Join(credentialsDir, file), variable(name))
		}
		text, err = value, nil
	}
	if err != nil {
		return "", err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", stead.Errorf(stead.Unavailable, "%s is empty or not text", what).
			WithHint("write it again, in UTF-8")
	}
	return text, nil
}

// variable is the environment variable of a credential.
func variable(name string) string {
	return EnvPrefix + strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z' || '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// readPrivate reads a regular file of at most limit bytes that only its owner may read.
// A missing file is fs.ErrNotExist within the error.
func readPrivate(path, what string, limit int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", away(err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return "", away(err)
	}
	if !info.Mode().IsRegular() {
		return "", stead.Errorf(stead.Unavailable, "%s is not a plain file", what).WithHint("replace it by a file with mode 600")
	}
	if err := private(info, what); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", away(err)
	}
	if int64(len(b)) > limit {
		return "", stead.Errorf(stead.Unavailable, "%s has more than %d bytes", what, limit).WithHint("check the file in the keys folder")
	}
	return string(b), nil
}

// private refuses what others than the owner may touch.
func private(info fs.FileInfo, what string) error {
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	mode := "600"
	if info.IsDir() {
		mode = "700"
	}
	return stead.Errorf(stead.Unavailable, "%s may be read by others (mode %o)", what, info.Mode().Perm()).
		WithHint("chmod %s it in the keys folder, and replace secrets that others may have read", mode)
}

// SetCredential implements keys.Credentials: a new file takes the old one's name, whole or not at all.
func (k *Keeper) SetCredential(ctx context.Context, name, text string) (err error) {
	path, err := k.credentialFile(ctx, name)
	if err != nil {
		return err
	}
	if text == "" || len(text) >= maxCredential || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r\n") {
		return stead.Errorf(stead.Invalid, "a credential is one line of UTF-8 of at most %d bytes", maxCredential-1)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-") // mode 0600; no credential's file begins with a dot
	if err != nil {
		return away(err)
	}
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return away(errors.Join(err, os.Remove(f.Name())))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return away(errors.Join(err, os.Remove(f.Name())))
	}
	if err := flush(filepath.Dir(path)); err != nil {
		return away(err)
	}
	return nil
}

// DeleteCredential implements keys.Credentials. One that the environment has is not kept here.
func (k *Keeper) DeleteCredential(ctx context.Context, name string) error {
	path, err := k.credentialFile(ctx, name)
	if err != nil {
		return err
	}
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return stead.Errorf(stead.NotFound, "the credential %s is not kept here", filepath.Base(path)).
			WithHint("one that comes from the environment is taken away there")
	case err != nil:
		return away(err)
	}
	if err := flush(filepath.Dir(path)); err != nil {
		return away(err)
	}
	return nil
}

func (k *Keeper) credentialFile(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", stead.Errorf(stead.Canceled, "the request was canceled").WithCause(err)
	}
	file, err := fileName(name)
	return filepath.Join(k.dir, credentialsDir, file), err
}
