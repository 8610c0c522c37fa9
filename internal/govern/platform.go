package govern

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"stead"
	"stead/internal/push"
	"stead/internal/store"
)

// pushed reports whether connections of the platform are enforced natively, by what is pushed there.
func pushed(p stead.Platform) bool { return p == stead.PostgreSQL }

// Operate refuses a caller who may not operate the platform of a connection, and records what they are about to have done there,
// before it is done. For APPLICATION_ADMIN.
func (s *Service) Operate(ctx context.Context, c Caller, key, operation string) (*stead.Connection, error) {
	var out *stead.Connection
	_, err := s.update(ctx, c, func(t *tx) error {
		err := t.need(operation+" the platform of a connection", stead.ApplicationAdmin)
		if err != nil {
			return err
		}
		if out, _, err = find[stead.Connection](ctx, t, store.Connections, key); err != nil {
			return err
		}
		if out == nil {
			return missing(store.Connections, key)
		}
		if !pushed(out.Platform) {
			return notPushed(out)
		}
		r := t.record(Op(operation), store.Connections, key)
		r.Kind, r.Connection = stead.System, key
		return t.Record(ctx, r)
	})
	return out, err
}

// Platform finds a connection whose policies are pushed, for who may look at how it stands: APPLICATION_ADMIN, GOVERNANCE and AUDIT.
func (s *Service) Platform(ctx context.Context, c Caller, key string) (*stead.Connection, error) {
	if err := s.Authorize(ctx, c, "look at the platform of a connection", stead.ApplicationAdmin, stead.Governance, stead.AuditPermission); err != nil {
		return nil, err
	}
	var out *stead.Connection
	err := s.view(ctx, c, func(r store.Reader, _ *stead.Identity) (err error) {
		out, _, err = find[stead.Connection](ctx, r, store.Connections, key)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case out == nil:
		return nil, missing(store.Connections, key)
	case !pushed(out.Platform):
		return nil, notPushed(out)
	}
	return out, nil
}

func notPushed(c *stead.Connection) error {
	return stead.Errorf(stead.Unsupported, "nothing is pushed to connection %q: its platform is %q, which stead itself asks", c.Key, c.Platform).
		WithHint("policies are in effect there as soon as they are stored")
}

// CheckConnection refuses a connection as PutConnection would, and changes nothing. For APPLICATION_ADMIN.
func (s *Service) CheckConnection(ctx context.Context, c Caller, conn stead.Connection) error {
	if err := s.Authorize(ctx, c, "look at a platform", stead.ApplicationAdmin); err != nil {
		return err
	}
	if err := checkConnection(&conn); err != nil {
		return err
	}
	if !pushed(conn.Platform) {
		return notPushed(&conn)
	}
	return nil
}

func checkPostgres(c *stead.Connection) error {
	if c.Address == "" {
		return badAddress("is missing")
	}
	if err := checkText("address", c.Address, 4096); err != nil {
		return err
	}
	if _, err := PostgresAddress(c.Address); err != nil {
		return err
	}
	if c.Credential != "" {
		if err := checkCredentialName("credential", c.Credential); err != nil {
			return err
		}
	}
	if len(c.Settings) == 0 {
		c.Settings = nil
	}
	for name, text := range c.Settings {
		if err := checkText("settings."+name, text, 64<<10); err != nil {
			return err
		}
	}
	s, err := push.ParseSettings(c.Settings)
	if err != nil {
		return err
	}
	return checkPushSettings(&s)
}

func checkPushSettings(s *push.Settings) error {
	for _, a := range s.Poolers {
		if !poolerAddress(a) {
			return invalid("settings."+push.SettingPoolers, "%q is not an IP address or network", shorten(a)).WithHint("write where the pooler connects from, for example 10.0.0.7, 10.1.0.0/16 or local for the server's own socket")
		}
	}
	for name, tables := range map[string][]string{push.SettingNoForce: s.NoForce, push.SettingMove: s.Move, push.SettingKeepDependents: s.KeepDependents} {
		for _, table := range tables {
			schema, rest, found := strings.Cut(table, ".")
			if !found || schema == "" || rest == "" || strings.Contains(rest, ".") {
				return invalid("settings."+name, "%q is not schema.name", shorten(table)).WithHint("write it like hr.emp, as the server spells it")
			}
		}
	}
	for name, roles := range map[string][]string{push.SettingGovernedRole: {s.GovernedRole}, push.SettingImpersonationRole: {s.ImpersonationRole},
		push.SettingExempt: s.Exempt, push.SettingPinned: s.Pinned, push.SettingImpersonateOnly: s.ImpersonateOnly} {
		for _, role := range roles {
			if len(role) > 63 || strings.HasPrefix(role, "pg_") || role == "public" || role == "none" {
				return invalid("settings."+name, "%q cannot be a role's name", shorten(role)).WithHint("names have at most 63 bytes and do not begin with pg_")
			}
		}
	}
	return nil
}

// platformWidens says how new settings may show somebody more. Both were checked when they were stored; what cannot be read any more
// widens.
func platformWidens(old, c *stead.Connection) []string {
	if !pushed(c.Platform) {
		return nil
	}
	was, err := push.ParseSettings(old.Settings)
	now, err2 := push.ParseSettings(c.Settings)
	if err != nil || err2 != nil {
		return []string{"its settings change in a way that cannot be compared"}
	}
	var out []string
	for _, l := range []struct {
		says     string
		old, new []string
	}{
		{"sees everything as the owners of tables do: ", was.Exempt, now.Exempt},
		{"its owner sees all rows, and so does whatever runs as the owner: ", was.NoForce, now.NoForce},
		{"stays readable, though it reads a governed table: ", was.KeepDependents, now.KeepDependents},
		{"may end impersonation in a session again: ", now.Pinned, was.Pinned},
		{"may ask for itself: ", now.ImpersonateOnly, was.ImpersonateOnly},
		{"is taken for a pooler no more, so that impersonation outlives a transaction there: ", now.Poolers, was.Poolers},
	} {
		if more := added(l.old, l.new); len(more) > 0 {
			out = append(out, l.says+strings.Join(more, ", "))
		}
	}
	if was.ImpersonationRole != now.ImpersonationRole {
		out = append(out, fmt.Sprintf("members of the role %s may ask in somebody's stead", now.ImpersonationRole))
	}
	if was.GovernedRole != now.GovernedRole {
		out = append(out, fmt.Sprintf("members of the role %s are governed instead of those of %s", now.GovernedRole, was.GovernedRole))
	}
	if rank := []push.DriftPolicy{push.RefuseDrift, push.RepairDrift, push.ReportDrift}; slices.Index(rank, now.Drift) > slices.Index(rank, was.Drift) {
		out = append(out, fmt.Sprintf("what is changed there by others is met with %s instead of %s", now.Drift, was.Drift))
	}
	return out
}

// platformWarnings says what of a stored connection an administrator should know.
func platformWarnings(c *stead.Connection) []string {
	if c.Platform != stead.PostgreSQL {
		return nil
	}
	t, err := PostgresAddress(c.Address)
	if err != nil || t.Private() {
		return nil
	}
	return []string{"its address does not require TLS: keys of hash masks and the password may cross the network readably; add sslmode=verify-full"}
}

// checkPushedSource is for tables of a platform that stead pushes to: the path says where they are, and stead's own are none.
func checkPushedSource(c *stead.Connection, d *stead.DataSource) error {
	if !pushed(c.Platform) {
		return nil
	}
	if d.Location != "" {
		return invalid("location", "is not for tables of platform %q", c.Platform).WithHint("leave it out: the path is where the table is")
	}
	for _, part := range d.Path {
		if len(part) > 63 {
			return invalid("path", "%q is longer than a name there can be", shorten(part))
		}
	}
	schema := d.Path[0]
	own := []string{"immuta_system", "immuta_policies", "immuta_procedures", "information_schema"}
	if slices.Contains(own, schema) || strings.HasPrefix(schema, "pg_") {
		return invalid("path", "tables of the schema %q are not registered", schema).WithHint("they belong to the server or to stead")
	}
	return nil
}

// poolerAddress: an IP address, a network, or the server's own socket.
func poolerAddress(text string) bool {
	if text == "local" {
		return true
	}
	if strings.Contains(text, "/") {
		_, err := netip.ParsePrefix(text)
		return err == nil
	}
	a, err := netip.ParseAddr(text)
	return err == nil && a.Zone() == ""
}
