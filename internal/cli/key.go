package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead"
)

// apiKey is an API key; its secret is there only when it was just made.
type apiKey struct {
	ID      int64      `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Project string     `json:"project,omitempty"`
	Secret  string     `json:"secret,omitempty"`
}

func keyCommand(e *env) *cobra.Command {
	return nounCommand("key", "API keys of users and agents", keyListCommand(e), keyCreateCommand(e), keyRevokeCommand(e))
}

// keysOf is where the keys of an identity are, the caller's own when none is named.
func keysOf(ctx context.Context, r *remote, name string) (target, error) {
	if name == "" {
		me, err := whoami(ctx, r)
		if err != nil {
			return target{}, err
		}
		name = spellIdentity(me)
	}
	t, err := identityTarget(name)
	return t.below("keys"), err
}

func whoami(ctx context.Context, r *remote) (*stead.Identity, error) {
	me := &stead.Identity{}
	_, err := r.call(ctx, http.MethodGet, "/v1/whoami", nil, nil, me)
	return me, err
}

func forFlag(e *env, c *cobra.Command, who *string) *cobra.Command {
	c.Flags().StringVar(who, "for", "", "user or agent (default: yourself)")
	return e.completeFlag(c, "for", identities().names)
}

func keyListCommand(e *env) *cobra.Command {
	var who string
	return forFlag(e, e.verbCommand(verb{use: "list", short: "List API keys, without their secrets", example: "stead key list --for scout@example.com"},
		func(ctx context.Context, r *remote, _ []string) error {
			t, err := keysOf(ctx, r, who)
			if err != nil {
				return err
			}
			var page struct {
				Items []apiKey `json:"items"`
			}
			if _, err := r.call(ctx, http.MethodGet, t.path, t.query, nil, &page); err != nil {
				return err
			}
			s := resource[apiKey]{header: []string{"NAME", "CREATED", "EXPIRES", "PROJECT"}, row: func(k *apiKey) []string {
				return []string{k.Name, k.Created.Format(time.DateTime), expiry(k.Expires), k.Project}
			}}
			return s.print(e, page.Items)
		}), &who)
}

func expiry(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.DateTime)
}

func keyCreateCommand(e *env) *cobra.Command {
	var who, name, project, expires string
	c := forFlag(e, e.verbCommand(verb{use: "create", short: "Make an API key; its secret is shown once",
		example: "stead key create --name laptop\nstead key create --for scout@example.com --name prod --expires 90d"},
		func(ctx context.Context, r *remote, _ []string) error {
			t, err := keysOf(ctx, r, who)
			if err != nil {
				return err
			}
			body := map[string]any{"name": name}
			if project != "" {
				body["project"] = project
			}
			if expires != "" {
				at, err := expiryTime(expires, time.Now())
				if err != nil {
					return err
				}
				body["expires"] = at
			}
			var k apiKey
			if _, err := r.call(ctx, http.MethodPost, t.path, t.query, body, &k); err != nil {
				return err
			}
			if e.output == "json" {
				return e.printJSON(&k)
			}
			fmt.Fprintln(e.err, "This is shown once; keep it:")
			_, err = fmt.Fprintln(e.out, k.Secret)
			return err
		}), &who)
	f := c.Flags()
	f.StringVar(&name, "name", "", "name of the key")
	f.StringVar(&project, "project", "", "project that the key acts in; such a key changes nothing in stead")
	f.StringVar(&expires, "expires", "", "when it stops working: 90d, 12h, or a time like 2027-01-31T00:00:00Z")
	markRequired(c, "name")
	return c
}

// expiryTime reads a span from now, in days or as Go writes it, or a point in time.
func expiryTime(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.AddDate(0, 0, n).UTC().Truncate(time.Second), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, stead.Errorf(stead.Invalid, "%q is not a time or a span", text).WithHint("write for example 90d, 12h, 2027-01-31 or 2027-01-31T00:00:00Z")
}

func keyRevokeCommand(e *env) *cobra.Command {
	var who string
	c := forFlag(e, e.verbCommand(verb{use: "revoke KEY", short: "Revoke an API key; sessions that came with it end", args: cobra.ExactArgs(1),
		example: "stead key revoke laptop\nstead key revoke prod --for scout@example.com"},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := keysOf(ctx, r, who)
			if err != nil {
				return err
			}
			if _, err := r.call(ctx, http.MethodDelete, t.path+"/"+url.PathEscape(args[0]), t.query, nil, nil); err != nil {
				return err
			}
			return e.said(&Change{Noun: "apikey", Key: args[0], Op: "delete"})
		}), &who)
	c.Aliases = []string{"delete"}
	return c
}
