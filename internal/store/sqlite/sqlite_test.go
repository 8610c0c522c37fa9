package sqlite

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead"
	"stead/internal/store"
	"stead/internal/store/storetest"
)

func openTest(t *testing.T) store.Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, openTest) }

func TestBackup(t *testing.T) {
	storetest.RunBackup(t, openTest, func(t *testing.T, backup []byte) (store.Store, error) {
		dir := t.TempDir()
		if err := Restore(t.Context(), dir, bytes.NewReader(backup)); err != nil {
			if _, err := os.Stat(filepath.Join(dir, fileName)); err == nil {
				t.Error("a refused restore left a store")
			}
			return nil, err
		}
		return Open(dir)
	})
}

func TestRestoreRefusesAStore(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), dir, strings.NewReader("")); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("restore over a store: %v", err)
	}
}

func TestFolderIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder?with%odd#name")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(dir)
	if err != nil {
		t.Fatalf("after close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Put(t.Context(), store.Row{Noun: store.Groups, Key: "a", Doc: []byte(`{}`)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFormats(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	reopen := func(steps []string) error {
		s, err := open(ctx, dir, steps)
		if err == nil {
			err = s.Close()
		}
		return err
	}
	next := append(append([]string{}, steps...), "CREATE TABLE extra (n BIGINT)")
	broken := append(append([]string{}, next...), "CREATE TABLE half (n BIGINT); CREATE TABLE half (n BIGINT)")
	if err := reopen(steps); err != nil {
		t.Fatal(err)
	}
	if err := reopen(next); err != nil {
		t.Fatalf("upgrade: %v", err)
	}
	if err := reopen(broken); err == nil {
		t.Error("a broken step passed")
	}
	if err := reopen(next); err != nil {
		t.Errorf("after a step that failed: %v", err)
	}
	if err := reopen(steps); stead.CodeOf(err) != stead.Unsupported {
		t.Errorf("a newer format was opened: %v", err)
	}
}

func TestNotAStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(dir); err == nil {
		_ = s.Close()
		t.Error("opened something that is no store")
	}
}

func TestLogTrimsItself(t *testing.T) {
	s := openTest(t).(*Store)
	defer func() { _ = s.Close() }()
	s.keep = 10
	ctx := t.Context()
	row := store.Row{Noun: store.Settings, Key: "n"}
	for i := range trimEvery {
		_, err := s.Update(ctx, func(tx store.Tx) (err error) {
			row.Doc = []byte(strings.Repeat("1", 1+i%2))
			row, err = tx.Put(ctx, row)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Changes(ctx, trimEvery-11, 0); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("the log was not trimmed: %v", err)
	}
	if cs, err := s.Changes(ctx, trimEvery-10, 0); err != nil || len(cs) != 10 {
		t.Errorf("%d changes left, %v", len(cs), err)
	}
}

func TestContextEndsAWait(t *testing.T) {
	s := openTest(t)
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Update(t.Context(), func(store.Tx) error {
		cancel()
		_, err := s.Update(ctx, func(store.Tx) error { return nil }) // waits for the writer, which is this one
		return err
	})
	if stead.CodeOf(err) != stead.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestFolderVanishes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(filepath.Join(dir, "file", "below"))
	if stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("a folder that cannot be made: %v", err)
	}
	if strings.Contains(err.Error(), dir) {
		t.Errorf("the message shows the path: %v", err)
	}
}
