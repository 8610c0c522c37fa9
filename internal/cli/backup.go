package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
	"stead/internal/app"
	"stead/internal/store/postgres"
	"stead/internal/store/sqlite"
)

// mustExist refuses a folder that is not there, with the path, which the caller gave.
func mustExist(folder string) error {
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return stead.Errorf(stead.NotFound, "there is no folder %s", folder).WithHint("name the data folder of a server with --data")
	}
	return err
}

// writeWhole writes to a new file that gets its name when everything is in it.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return stead.Errorf(stead.Conflict, "%s exists already", path).WithHint("choose another name").WithCause(err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link does not replace a file that came meanwhile.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return os.Remove(f.Name())
}

// told prints what was done: as JSON when that is asked for, else as text.
func (e *env) told(done map[string]string, format string, args ...any) error {
	if e.output == "json" {
		return e.printJSON(done)
	}
	_, err := fmt.Fprintf(e.out, format, args...)
	return err
}

func backupCommand(e *env) *cobra.Command {
	var out string
	cmd := e.verbCommand(verb{use: "backup", short: "Write a consistent copy of the store while the server runs",
		long: `Writes a copy of the server's store to a new file. It holds verifiers of passwords and keys:
keep it as you keep those. The folders keys and audit of the data folder are files: copy them
beside it. It needs the permission APPLICATION_ADMIN and is recorded.`,
		example: "stead backup --out stead-2026-11-23.backup"},
		func(ctx context.Context, c *client.Client, _ []string) error {
			err := writeWhole(out, func(w io.Writer) error {
				return c.Backup(ctx, w)
			})
			if err == nil {
				err = e.told(map[string]string{"wrote": out}, "wrote %s\n", out)
			}
			return err
		})
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not exist yet")
	markRequired(cmd, "out")
	return cmd
}

func restoreCommand(e *env) *cobra.Command {
	var data, to, from string
	c := &cobra.Command{
		Use: "restore", Short: "Make a store from a backup, while no server runs", Args: cobra.NoArgs,
		Long: `Makes the store of a new data folder from a backup, or with --store that of an empty PostgreSQL
database; each takes backups of its own kind. Keys and audit segments are files
beside the store: copy the folders keys and audit of the old data folder too, since masks
hash by those keys.`,
		Example: `  stead restore --data ./stead-data --from stead.backup
  stead restore --data ./stead-data --store postgres://stead@localhost/stead --from stead.backup`,
	}
	c.Flags().StringVar(&data, "data", "", "data folder to make; it must have no store yet")
	c.Flags().StringVar(&to, "store", "", "address of the database, without password; the data folder then gives the password, if its keys have it")
	c.Flags().StringVar(&from, "from", "", "file that `stead backup` wrote")
	markRequired(c, "data", "from")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if to != "" {
			password, err := app.StorePassword(c.Context(), filepath.Join(data, "keys"))
			if err == nil {
				err = postgres.Restore(c.Context(), to, postgres.Options{Password: password}, f)
			}
			if err != nil {
				return err
			}
			return e.told(map[string]string{"restored": to}, "restored into the database; `stead serve --data %s --store ADDRESS` serves it\n", data)
		}
		if err := sqlite.Restore(c.Context(), data, f); err != nil {
			return err
		}
		return e.told(map[string]string{"restored": data}, "restored into %s; `stead serve --data %s` serves it\n", data, data)
	}
	return c
}

// markRequired panics on a flag that does not exist, which is a defect here.
func markRequired(c *cobra.Command, names ...string) {
	for _, n := range names {
		if err := c.MarkFlagRequired(n); err != nil {
			panic(err)
		}
	}
}
