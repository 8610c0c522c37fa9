package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead/client"
)

func statusCommand(e *env) *cobra.Command {
	return e.verbCommand(verb{use: "status", short: "How the server and its connections are", example: "stead status\nstead status -o json",
		long: "Says whether the server answers and what it is waiting for. The exit status is 3 when it is not ready."},
		func(ctx context.Context, c *client.Client, _ []string) error {
			s, err := c.Status(ctx)
			if err != nil {
				return err
			}
			if e.output == "json" {
				err = e.printJSON(s)
			} else {
				err = e.printStatus(s)
			}
			if err == nil && !s.Ready {
				err = errFound
			}
			return err
		})
}

func (e *env) printStatus(s *client.Status) error {
	word := "ready"
	if !s.Ready {
		word = "not ready"
	}
	fmt.Fprintf(e.out, "%s, version %s, since %s\n", word, printable(s.Version), s.Started.Format(time.RFC3339))
	fmt.Fprintf(e.out, "decides by revision %d; the store answered %s ago\n", s.Revision, time.Duration(s.StoreAgeMs)*time.Millisecond)
	if s.Behind {
		fmt.Fprintln(e.out, "the store has changes that are not in effect yet")
	}
	for _, p := range s.Problems {
		fmt.Fprintf(e.out, "problem: %s\n", printable(p))
	}
	if s.Audit != nil {
		fmt.Fprintf(e.out, "audit log: %s, %d entries behind the last checkpoint, %s without an outcome\n",
			counted(s.Audit.Segments, "segment"), s.Audit.Unsigned, counted(s.Audit.OpenQueries, "statement"))
	}
	for _, c := range s.Connections {
		state := "current"
		switch {
		case c.Disabled:
			state = "disabled"
		case !c.Current:
			state = "not current"
		}
		if c.Push != nil && !c.Disabled {
			state = platformWords(c.Push)
		}
		fmt.Fprintf(e.out, "connection %s (%s): %s, %s\n", printable(c.Key), c.Platform, state, counted(c.Sources, "data source"))
		if c.Problem != "" {
			fmt.Fprintf(e.out, "  %s\n", printable(c.Problem))
		}
		if c.Push != nil {
			e.platformLines("  ", c.Push)
		}
		for _, w := range c.Waiting {
			fmt.Fprintf(e.out, "  %s is %s: %s\n", printable(strings.Join(w.Path, ".")), w.State, printable(w.Reason))
		}
	}
	return nil
}

// gatewayPort is where a gateway listens unless told otherwise.
const gatewayPort = "5439"

// gatewayAddress is where the server's gateway can be reached from here.
func (e *env) gatewayAddress(s *client.Status) (string, error) {
	u, err := url.Parse(e.address())
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(s.Gateway)
	if err != nil {
		return net.JoinHostPort(u.Hostname(), gatewayPort), nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = u.Hostname()
	}
	return net.JoinHostPort(host, port), nil
}

// whoAndWhere asks the server whose key it is, and where its gateway is unless that is given.
func (e *env) whoAndWhere(ctx context.Context, q *queryFlags) (user, gateway, prefix string, err error) {
	c, err := e.remote()
	if err != nil {
		return "", "", "", err
	}
	me, err := c.WhoAmI(ctx)
	if err != nil {
		return "", "", "", err
	}
	s, err := c.Status(ctx)
	if err != nil {
		return "", "", "", err
	}
	prefix = s.Namespace
	if prefix == "" {
		prefix = defaultNamespace
	}
	gateway = e.setting(q.gateway, "STEAD_GATEWAY", "")
	if gateway == "" {
		gateway, err = e.gatewayAddress(s)
	}
	return spellIdentity(me), gateway, prefix, err
}
