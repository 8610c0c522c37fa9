package cli

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"stead"
)

func connections() *resource[stead.Connection] {
	return &resource[stead.Connection]{path: "/v1/connections", header: []string{"KEY", "PLATFORM", "ADDRESS", "STATE"},
		row: func(c *stead.Connection) []string {
			return []string{c.Key, string(c.Platform), c.Address, stateWord(c.Disabled)}
		}}
}

func connectionCommand(e *env) *cobra.Command {
	const example = "lake"
	list, at := connections(), keyTarget("/v1/connections")
	return nounCommand("connection", "Platforms that are governed",
		list.listCommand(e, "connection", "connections"),
		showCommand[stead.Connection](e, "connection", example, at, list.names),
		connectionCreateCommand(e),
		deleteCommand(e, "connection", example, at, list.names),
		connectionSwitchCommand(e, "disable", "Kill switch: every statement on it is refused", true, list.names),
		connectionSwitchCommand(e, "enable", "Serve it again", false, list.names),
	)
}

func connectionCreateCommand(e *env) *cobra.Command {
	var platform, address, credential string
	var settings []string
	c := e.verbCommand(verb{use: "create KEY", short: "Create a connection", args: cobra.ExactArgs(1),
		long: `Creates a connection. The address of the platform embedded is a folder of Parquet, CSV and
JSON files or a DuckDB file, which the server only reads; a path that is not absolute counts
from here when the server is on this machine. Afterwards: stead register KEY.`,
		example: "stead connection create lake --platform embedded --address ./data"},
		func(ctx context.Context, r *remote, args []string) error {
			s, err := attributes(settings)
			if err != nil {
				return err
			}
			c := &stead.Connection{Key: args[0], Platform: stead.Platform(platform), Address: address, Credential: credential}
			for k, v := range s {
				if c.Settings == nil {
					c.Settings = map[string]string{}
				}
				c.Settings[k] = v[0]
			}
			if c.Platform == stead.Embedded {
				if c.Address, err = r.localPath(address); err != nil {
					return err
				}
			}
			return e.create(ctx, r, target{path: "/v1/connections/" + url.PathEscape(args[0])}, c)
		})
	f := c.Flags()
	f.StringVar(&platform, "platform", string(stead.Embedded), "kind of platform")
	f.StringVar(&address, "address", "", "where it is, as the platform understands it")
	f.StringVar(&credential, "credential", "", "name of the secret to connect with, as the server's keeper knows it")
	f.StringArrayVar(&settings, "setting", nil, "key=value (may be repeated)")
	markRequired(c, "address")
	return e.completeFlag(c, "platform", func(context.Context, *remote) ([]string, error) { return []string{string(stead.Embedded)}, nil })
}

// localPath makes a path absolute when the server shares this machine, since it has another working folder.
func (r *remote) localPath(path string) (string, error) {
	if filepath.IsAbs(path) || strings.Contains(path, "://") {
		return path, nil
	}
	u, err := url.Parse(r.base)
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
		func(ctx context.Context, r *remote, args []string) error {
			return alter(ctx, e, r, target{path: "/v1/connections/" + url.PathEscape(args[0])}, func(c *stead.Connection) error {
				c.Disabled = disabled
				return nil
			})
		})
}

// finding is what a crawl says of one table.
type finding struct {
	Source  stead.DataSource `json:"source"`
	Status  string           `json:"status"`
	Changes []string         `json:"changes,omitempty"`
}

func crawl(ctx context.Context, r *remote, connection string) ([]finding, error) {
	var found struct {
		Items []finding `json:"items"`
	}
	_, err := r.call(ctx, http.MethodPost, "/v1/connections/"+url.PathEscape(connection)+"/crawl", nil, nil, &found)
	return found.Items, err
}
