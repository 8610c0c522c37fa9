package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/app"
	"stead/internal/audit"
	"stead/internal/pgserver"
	"stead/internal/store"
	"stead/internal/store/postgres"
	"stead/internal/store/sqlite"
)

// command runs a command line, and returns its status and what it printed.
func command(args ...string) (int, string) {
	var out bytes.Buffer
	return run(context.Background(), &env{in: strings.NewReader(""), out: &out, err: &out, getenv: os.LookupEnv}, args), out.String()
}

func putGroup(t *testing.T, s store.Store, key string) (row store.Row) {
	t.Helper()
	_, err := s.Update(t.Context(), func(tx store.Tx) (err error) {
		row, err = tx.Put(t.Context(), store.Row{Noun: store.Groups, Key: key, Doc: []byte(`{"iam":"bim","name":"\u0000 ä ` + "\U0001F600" + `"}`)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// oldStore makes a data folder as a server leaves it, with a deleted row and a record that is not shipped, and
// returns the first administrator's key and the id that was deleted.
func oldStore(t *testing.T, data string) (key string, deleted int64) {
	t.Helper()
	c := app.Defaults()
	c.Data = data
	a, err := app.Open(t.Context(), c, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		putGroup(t, s, fmt.Sprintf("bim\x1fg%d", i))
	}
	last := putGroup(t, s, "bim\x1flast")
	_, err = s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Delete(t.Context(), store.Groups, last.ID),
			tx.Record(t.Context(), stead.Record{ID: "0123456789abcdef0123456789abcdef", Kind: stead.Change, Time: c2000}))
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return a.FirstKey, last.ID
}

func TestMigrate(t *testing.T) {
	pg, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pg.Close() }()
	to := pg.DSN(pgserver.Superuser, "postgres")
	data := filepath.Join(t.TempDir(), "state")
	key, deleted := oldStore(t, data)

	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no folder":  {[]string{"--from", data + "x", "--to", to}, "there is no store"},
		"password":   {[]string{"--from", data, "--to", "postgres://u:hidden@h/d"}, "has a password"},
		"no server":  {[]string{"--from", data, "--to", "host=127.0.0.1 port=1 sslmode=disable"}, "cannot be reached"},
		"no address": {[]string{"--from", data}, "required"},
	} {
		if status, out := command(append([]string{"migrate"}, c.args...)...); status == exitOK || !strings.Contains(out, c.want) || strings.Contains(out, "hidden") {
			t.Errorf("%s: %d %s", name, status, out)
		}
	}
	inUse(t, data, to)
	status, dry := command("migrate", "--from", data, "--to", to, "--dry-run")
	if status != exitOK || schemas(t, to) != 0 {
		t.Fatalf("dry run: %d %s", status, dry)
	}
	failsMidway(t, data, to)
	status, out := command("migrate", "--from", data, "--to", to)
	digest := dry[strings.Index(dry, "sha256"):]
	if status != exitOK || !strings.Contains(out, strings.TrimSpace(digest)) {
		t.Fatalf("%d %s, after %s", status, out, dry)
	}
	if status, out := command("migrate", "--from", data, "--to", to); status == exitOK || !strings.Contains(out, "has a store already") {
		t.Errorf("twice: %d %s", status, out)
	}
	goesOn(t, data, to, key, deleted)
}

// inUse: a folder that a server serves is not copied.
func inUse(t *testing.T, data, to string) {
	t.Helper()
	s, err := sqlite.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	if status, out := command("migrate", "--from", data, "--to", to); status == exitOK || !strings.Contains(out, "another process") {
		t.Errorf("a folder in use: %d %s", status, out)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// failsMidway: a copy that ends in its midst leaves nothing.
func failsMidway(t *testing.T, data, to string) {
	t.Helper()
	s, err := sqlite.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	onPurpose := errors.New("on purpose")
	_, err = postgres.Import(t.Context(), to, postgres.Options{}, func(yield func(*store.Item, error) bool) {
		n := 0
		for i, err := range items(t.Context(), s, io.Discard) {
			if n++; n == 60 {
				yield(nil, onPurpose)
				return
			}
			if !yield(i, err) {
				return
			}
		}
	}, postgres.ImportOptions{})
	if !errors.Is(err, onPurpose) || schemas(t, to) != 0 {
		t.Errorf("a copy that fails midway: %v", err)
	}
}

func schemas(t *testing.T, address string) (n int) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname = 'stead'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// goesOn: the server serves the copy with the old keys and chain, the old key signs in, and no id is given again.
func goesOn(t *testing.T, data, to, key string, deleted int64) {
	t.Helper()
	c := app.Defaults()
	c.Data, c.Store = data, to
	a, err := app.Open(t.Context(), c, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := a.SignIn.APIKey(t.Context(), key); err != nil || a.FirstKey != "" {
		t.Errorf("the old key: %v", err)
	}
	if row := putGroup(t, a.Store, "bim\x1fnew"); row.ID <= deleted {
		t.Errorf("id %d was given again", row.ID)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		pending, err := a.Store.PendingRecords(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(pending) == 0 {
			break
		}
		<-tick.C
	}
	page, err := a.Audit.Search(t.Context(), audit.Filter{From: c2000, To: c2000.Add(1)}, 10, "")
	if err != nil || len(page.Entries) != 1 {
		t.Errorf("the pending record: %v, %v", page, err)
	}
}

// c2000 is a time at which nothing else happened.
var c2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
