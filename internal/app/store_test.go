package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/pgserver"
)

// shared starts a database server, and gives the configuration of servers on it.
func shared(t *testing.T) (*pgserver.Server, func(name string) func(*Config)) {
	t.Helper()
	pg, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	keys := filepath.Join(t.TempDir(), "keys")
	return pg, func(name string) func(*Config) {
		return func(c *Config) {
			c.Store, c.Server, c.Keys.Dir = pg.DSN(pgserver.Superuser, "postgres"), name, keys
		}
	}
}

func (r *running) apply(t *testing.T, by govern.Caller, c govern.Edit) stead.Revision {
	t.Helper()
	done, err := r.Govern.Apply(t.Context(), by, c)
	if err != nil {
		t.Fatal(err)
	}
	return done.Revision
}

func (r *running) sees(t *testing.T, revision stead.Revision) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.World.WaitFor(ctx, revision); err != nil {
		t.Fatal(err)
	}
}

// TestServersOnOneStore: a change through one is in effect on the others, each record of a change is in one chain, and
// all have the same keys.
func TestServersOnOneStore(t *testing.T) {
	_, on := shared(t)
	all := []*running{start(t, on("s0")), start(t, on("s1")), start(t, on("s2"))}
	admin := all[0].admin(t)
	for _, r := range all[1:] {
		if r.FirstKey != "" {
			t.Error("a second first administrator was made")
		}
		r.FirstKey = all[0].FirstKey
	}
	all[0].lake(t, "id,name\n1,ana\n")
	var last stead.Revision
	const changes = 12
	for i := range changes {
		last = all[i%3].apply(t, admin, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: fmt.Sprint("u", i)}})
	}
	for _, r := range all {
		r.sees(t, last)
		c, err := r.connect(t)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := c.QueryRow(t.Context(), "select count(*) from t").Scan(&n); err != nil || n != 1 {
			t.Errorf("a query: %d, %v", n, err)
		}
	}
	key, err := all[0].hashKey("source/1")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := all[1].hashKey("source/1"); err != nil || other != key {
		t.Errorf("hash keys differ, %v", err)
	}
	otherKeys(t, all[0].Config)
	for _, r := range all {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	recordsOnce(t, all, changes)
}

// otherKeys starts servers whose keys are not those of the store.
func otherKeys(t *testing.T, c Config) {
	t.Helper()
	c.Server, c.Data = "s3", t.TempDir()
	shared := c.Keys.Dir
	refused := func(what string) {
		t.Helper()
		if _, err := Open(t.Context(), c, slog.New(slog.DiscardHandler)); stead.CodeOf(err) != stead.Conflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.Keys.Dir = filepath.Join(t.TempDir(), "none")
	refused("no keys")
	if err := os.Mkdir(c.Keys.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("an empty folder of keys")
	c.Keys.Dir = filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(c.Keys.Dir, os.DirFS(shared)); err != nil {
		t.Fatal(err)
	}
	private(t, c.Keys.Dir)
	// A copy that lacks a key makes one of its own.
	if err := os.RemoveAll(filepath.Join(c.Keys.Dir, "secrets", "hash%2fsource%2f1")); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.hashKey("source/1"); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("a key that the others do not have: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// private makes copied files those of their owner only.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()&0o700)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func recordsOnce(t *testing.T, all []*running, changes int) {
	t.Helper()
	found := map[string]int{}
	for _, r := range all {
		again, err := audit.Open(t.Context(), audit.Options{Dir: r.Config.auditDir(), Writer: r.Config.Server, Keeper: r.Keeper})
		if err != nil {
			t.Fatal(err)
		}
		page, err := again.Search(t.Context(), audit.Filter{Kinds: []stead.RecordKind{stead.Change}}, 1000, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			found[e.Record.ObjectKey]++
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	for i := range changes {
		if name := fmt.Sprint("u", i); found[name] != 1 {
			t.Errorf("the record of %s is in %d chains: %v", name, found[name], found)
		}
	}
}

// TestStoreAwayAndBack: queries go on for the configured time, then are refused, and are answered again when the database
// is back.
func TestStoreAwayAndBack(t *testing.T) {
	pg, on := shared(t)
	r := start(t, func(c *Config) {
		on("main")(c)
		c.Snapshot.ServeWithoutStore = 3 * time.Second
	})
	r.lake(t, "id,name\n1,ana\n")
	c, err := r.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	count := func() error {
		var n int
		return c.QueryRow(t.Context(), "select count(*) from t").Scan(&n)
	}
	if err := count(); err != nil {
		t.Fatal(err)
	}
	admin := r.admin(t)
	if err := pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := count(); err != nil {
		t.Errorf("just after the store went away: %v", err)
	}
	if _, err := r.Govern.Apply(t.Context(), admin, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "x"}}); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("a change meanwhile: %v", err)
	}
	until(t, func() bool { return count() != nil })
	if err := count(); err == nil || !strings.Contains(err.Error(), "57P03") {
		t.Errorf("away for too long: %v", err)
	}
	if status, _ := r.get(t, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready says %d", status)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return count() == nil })
	r.sees(t, r.apply(t, admin, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "y"}}))
	if strings.Contains(r.log.String(), "password") {
		t.Error("the log speaks of a password")
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(time.Minute)
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it does not come")
		}
	}
}

func TestNewKeysWhenAskedFor(t *testing.T) {
	r := start(t, nil)
	if _, err := r.hashKey("source/1"); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	c := r.Config
	c.Keys.Dir = filepath.Join(t.TempDir(), "new")
	c.Audit.Dir = filepath.Join(t.TempDir(), "audit") // its signing key went with the old keys
	open := func() error {
		a, err := Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		_, err = a.hashKey("source/1")
		return errors.Join(err, a.Close())
	}
	if err := open(); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("new keys that nobody asked for: %v", err)
	}
	c.NewKeys = true
	if err := open(); err != nil {
		t.Fatal(err)
	}
	c.NewKeys = false
	if err := open(); err != nil {
		t.Errorf("from then on: %v", err)
	}
}
