package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"stead"
	"stead/internal/app"
	"stead/internal/store"
	"stead/internal/store/postgres"
	"stead/internal/store/sqlite"
)

func migrateCommand(e *env) *cobra.Command {
	var from, to string
	var dry bool
	c := &cobra.Command{
		Use: "migrate", Short: "Copy the store of a data folder into a PostgreSQL database, while no server runs", Args: cobra.NoArgs,
		Long: `Copies everything that the store of a data folder holds into a PostgreSQL database: people,
policies, sources, verifiers of passwords and keys, ids and revisions, the change log, and
records of changes that are in no audit segment yet. Ids go on where they were.

It is one transaction: what is there afterwards is compared with what was copied, and when
anything fails the database is as it was, so that it can be run again. The database must
hold no store yet. The data folder is only read; keys and audit segments stay in it.

The password of the database role is the credential "store" (the file credentials/store in the
keys folder of the data folder, or STEAD_CREDENTIAL_STORE), or PGPASSWORD, or in a file that
PGPASSFILE names.`,
		Example: `  stead migrate --from /var/lib/stead --to 'postgres://stead@db.example.com/stead?sslmode=verify-full' --dry-run
  stead migrate --from /var/lib/stead --to 'postgres://stead@db.example.com/stead?sslmode=verify-full'
  stead serve --data /var/lib/stead --store 'postgres://stead@db.example.com/stead?sslmode=verify-full'`,
	}
	c.Flags().StringVar(&from, "from", "", "data folder with the store to copy")
	c.Flags().StringVar(&to, "to", "", "address of the database, without password")
	c.Flags().BoolVar(&dry, "dry-run", false, "do and check everything, then undo it")
	markRequired(c, "from", "to")
	c.RunE = func(c *cobra.Command, _ []string) error {
		tally, err := e.migrate(c.Context(), from, to, dry)
		if err != nil {
			return err
		}
		if dry {
			return e.told(map[string]string{"wouldCopy": tally.String()}, "nothing was kept; it would be %s\n", tally)
		}
		return e.told(map[string]string{"copied": tally.String()},
			"copied %s\n`stead serve --data %s --store ADDRESS` serves it; do not serve the folder without --store again\n", tally, from)
	}
	return c
}

func (e *env) migrate(ctx context.Context, from, to string, dry bool) (_ *store.Tally, err error) {
	if _, err := os.Stat(filepath.Join(from, "store.db")); errors.Is(err, fs.ErrNotExist) {
		return nil, stead.Errorf(stead.NotFound, "there is no store in %s", from).WithHint("name the data folder of a server with --from")
	}
	if err := postgres.Check(to); err != nil {
		return nil, err
	}
	password, err := app.StorePassword(ctx, filepath.Join(from, "keys"))
	if err != nil {
		return nil, err
	}
	source, err := sqlite.Open(from)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	// The server that goes on with this folder is the one whose audit chain may have the pending records.
	return postgres.Import(ctx, to, postgres.Options{Password: password}, items(ctx, source, e.err),
		postgres.ImportOptions{Writer: "main", DryRun: dry})
}

// progressEvery is how many items are copied between two lines about it.
const progressEvery = 50_000

// items gives everything in a store, and says how far it is.
func items(ctx context.Context, s store.Store, progress io.Writer) iter.Seq2[*store.Item, error] {
	return func(yield func(*store.Item, error) bool) {
		n := 0
		err := s.Export(ctx, func(i *store.Item) error {
			if n++; n%progressEvery == 0 {
				fmt.Fprintf(progress, "%d copied\n", n)
			}
			if !yield(i, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough ends an export that nobody takes more of.
var errEnough = errors.New("enough")
