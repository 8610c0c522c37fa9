package cli

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func connections() *resource[stead.Connection] {
	return &resource[stead.Connection]{list: (*client.Client).Connections, header: []string{"KEY", "PLATFORM", "ADDRESS", "STATE"},
		row: func(c *stead.Connection) []string {
			return []string{c.Key, string(c.Platform), c.Address, stateWord(c.Disabled)}
		}}
}

func connectionCommand(e *env) *cobra.Command {
	const example = "lake"
	list := connections()
	return nounCommand("connection", "Platforms that are governed", append(platformVerbs(e, list.names),
		list.listCommand(e, "connection", "connections"),
		showCommand(e, "connection", example, keyed((*client.Client).Connection), list.names),
		connectionCreateCommand(e),
		deleteCommand(e, "connection", example, unkeyed((*client.Client).DeleteConnection), list.names),
		connectionSwitchCommand(e, "disable", "Kill switch: every statement on it is refused", true, list.names),
		connectionSwitchCommand(e, "enable", "Serve it again", false, list.names),
	)...)
}

func connectionCreateCommand(e *env) *cobra.Command {
	var platform, address, credential string
	var settings []string
	cmd := e.verbCommand(verb{use: "create KEY", short: "Create a connection", args: cobra.ExactArgs(1),
		long: `Creates a connection. The address of the platform embedded is a folder of Parquet, CSV and
JSON files or a DuckDB file, which the server only reads; a path that is not absolute counts
from here when the server is on this machine. The address of the platform postgresql is a
postgres:// URL or "host=... user=... dbname=..." without a password, which the credential
names; nothing is made there before ` + "`stead connection apply KEY --bootstrap`" + `. It is easier
with ` + "`stead connect postgres`" + `. Afterwards: stead register KEY.`,
		example: "stead connection create lake --platform embedded --address ./data\nstead connection create hr --platform postgresql --address postgres://stead@db.example.com/hr --credential hr"},
		func(ctx context.Context, c *client.Client, args []string) error {
			s, err := settingPairs(settings)
			if err != nil {
				return err
			}
			conn := stead.Connection{Key: args[0], Platform: stead.Platform(platform), Address: address, Credential: credential, Settings: s}
			if conn.Platform == stead.Embedded {
				if conn.Address, err = e.localPath(address); err != nil {
					return err
				}
			}
			return e.create(func(w client.With) (*client.Change, error) { return c.PutConnection(ctx, conn, w) })
		})
	f := cmd.Flags()
	f.StringVar(&platform, "platform", string(stead.Embedded), "kind of platform")
	f.StringVar(&address, "address", "", "where it is, as the platform understands it")
	f.StringVar(&credential, "credential", "", "name of the secret to connect with, as the server's keeper knows it")
	f.StringArrayVar(&settings, "setting", nil, "key=value (may be repeated)")
	markRequired(cmd, "address")
	return e.completeFlag(cmd, "platform", func(context.Context, *client.Client) ([]string, error) {
		return []string{string(stead.Embedded), string(stead.PostgreSQL)}, nil
	})
}

// localPath makes a path absolute when the server shares this machine, since it has another working folder.
func (e *env) localPath(path string) (string, error) {
	if filepath.IsAbs(path) || strings.Contains(path, "://") {
		return path, nil
	}
	u, err := url.Parse(e.address())
	if err != nil {
		return "", err
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", stead.Errorf(stead.Invalid, "the path %q is not absolute", path).WithHint("the server is on another machine: give the path as it is there")
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(full); err != nil {
		return "", stead.Errorf(stead.NotFound, "there is nothing at %s", full).WithHint("check --address").WithCause(err)
	}
	return full, nil
}

func connectionSwitchCommand(e *env, use, short string, disabled bool, complete completion) *cobra.Command {
	return e.verbCommand(verb{use: use + " KEY", short: short, example: "stead connection " + use + " lake", args: cobra.ExactArgs(1), complete: complete},
		func(ctx context.Context, c *client.Client, args []string) error {
			conn, version, err := c.Connection(ctx, args[0])
			return alter(e, conn, version, err, func(conn *stead.Connection) { conn.Disabled = disabled }, putter(ctx, c, (*client.Client).PutConnection))
		})
}
