package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// login is a role of the server that maps to an identity or is named in the settings.
type login struct {
	name       string
	super      bool   // or bypasses row security
	governed   bool   // member of the governed role
	impersonal bool   // member of the impersonation role
	granted    bool   // that we made
	reader     bool   // member of pg_read_all_data or pg_write_all_data
	owns       string // a role it is a member of, which owns tables that are governed, or stead's own
	path       string
}

// lookRoles reads the logins of the next state.
func (d *draft) lookRoles(ctx context.Context, tx pgx.Tx) error {
	d.f.logins = map[string]*login{}
	granted := map[string]bool{}
	if d.f.booted {
		list, err := strings1(tx.Query(ctx, `SELECT role FROM immuta_system.membership`))
		if err != nil {
			return err
		}
		for _, r := range list {
			granted[r] = true
		}
	}
	names := slices.Collect(maps.Keys(granted))
	for id, set := range d.next.Sets {
		if id.Table == push.Logins {
			for _, r := range set.Rows {
				names = append(names, r[0])
			}
		}
	}
	rows, err := tx.Query(ctx, `SELECT r.rolname::text, r.rolsuper OR r.rolbypassrls,
			EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname = $2),
			EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname = $3),
			pg_has_role(r.oid, 'pg_read_all_data', 'MEMBER') OR pg_has_role(r.oid, 'pg_write_all_data', 'MEMBER'),
			coalesce((SELECT min(o.rolname::text) FROM pg_roles o WHERE o.rolname = ANY ($4::text[]) AND pg_has_role(r.oid, o.oid, 'MEMBER')), ''),
			coalesce((SELECT substr(c, 13) FROM pg_db_role_setting s JOIN pg_database b ON b.oid = s.setdatabase AND b.datname = current_database()
				CROSS JOIN unnest(s.setconfig) c WHERE s.setrole = r.oid AND c LIKE 'search\_path=%'), '')
		FROM pg_roles r WHERE r.rolname = ANY ($1::text[])`, names, d.next.Settings.GovernedRole, d.next.Settings.ImpersonationRole, d.tableOwners())
	return server.Each(rows, err, func(r pgx.Rows) error {
		l := &login{}
		if err := r.Scan(&l.name, &l.super, &l.governed, &l.impersonal, &l.reader, &l.owns, &l.path); err != nil {
			return err
		}
		l.granted = granted[l.name]
		d.f.logins[l.name] = l
		return nil
	})
}

// roleSteps makes logins members of what they are to be members of, and puts the masking views on their search path.
func (d *draft) roleSteps() []push.Step {
	if d.f.logins == nil || !(d.f.super || d.f.creates) {
		return nil
	}
	stand := map[string]bool{}
	for id, set := range d.next.Sets {
		if id.Table == push.StandIns {
			for _, r := range set.Rows {
				stand[r[0]] = true
			}
		}
	}
	var sql []string
	path := d.searchPath()
	wants := map[string]push.Row{}
	for id, set := range d.next.Sets {
		if id.Table == push.Logins {
			for _, r := range set.Rows {
				wants[r[0]] = r
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.f.logins)) {
		l := d.f.logins[name]
		row, known := wants[name]
		if l.super && known {
			continue
		}
		sql = append(sql, d.member(l, known && row[4] != "t", known && row[1] != "" && stand[row[1]])...)
		if known && row[4] != "t" && path != "" && !slices.Equal(server.Names(l.path), server.Names(path)) {
			sql = append(sql, rememberPath(name), "ALTER ROLE "+role(name)+" IN DATABASE "+ident(d.f.database)+" SET search_path = "+path)
		}
	}
	var steps []push.Step
	for part := range slices.Chunk(sql, 400) {
		steps = append(steps, push.Step{Kind: push.RoleEdit, Object: fmt.Sprintf("%d changes of logins", len(part)),
			Why: "logins that map to identities are governed, find the masking views first, and may impersonate where stead says so", SQL: part})
	}
	return steps
}

// member grants and revokes. Memberships that somebody else granted to whom stead grants nothing are left alone.
func (d *draft) member(l *login, governed, stands bool) []string {
	var sql []string
	s := d.next.Settings
	switch {
	case governed && !l.governed:
		sql = append(sql, "GRANT "+role(s.GovernedRole)+" TO "+role(l.name))
	case !governed && l.governed:
		sql = append(sql, "REVOKE "+role(s.GovernedRole)+" FROM "+role(l.name))
	}
	switch {
	case stands && !(l.impersonal && l.granted):
		// Who is a member already may have become one for another database, where it is governed as here: what is taken in stead leaves
		// nothing all the same, lest it then counts as let in natively.
		if !l.impersonal {
			sql = append(sql, "GRANT "+role(s.ImpersonationRole)+" TO "+role(l.name))
		}
		sql = append(sql, "INSERT INTO immuta_system.membership (role) VALUES ("+literal(l.name)+") ON CONFLICT DO NOTHING")
	case !stands && l.granted:
		if l.impersonal {
			sql = append(sql, "REVOKE "+role(s.ImpersonationRole)+" FROM "+role(l.name))
		}
		sql = append(sql, "DELETE FROM immuta_system.membership WHERE role = "+literal(l.name))
	}
	return sql
}

func rememberPath(login string) string {
	return `INSERT INTO immuta_system.released (kind, object, detail) SELECT 'search_path', ` + literal(login) + `, pg_catalog.jsonb_build_object('path',
	(SELECT c FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database b ON b.oid = s.setdatabase AND b.datname = pg_catalog.current_database()
	JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = ` + literal(login) + ` CROSS JOIN pg_catalog.unnest(s.setconfig) c WHERE c LIKE 'search\_path=%'))
ON CONFLICT (kind, object) DO NOTHING`
}

// searchPath is the path of governed logins: each schema of governed tables behind that of its masking views.
func (d *draft) searchPath() string {
	seen := map[string]bool{}
	for _, s := range d.next.Sources {
		if len(s.Path) == 2 && !reserved(s.Path[0]) {
			seen[s.Path[0]] = true
		}
	}
	if len(seen) == 0 {
		return ""
	}
	list := []string{`"$user"`}
	for _, s := range slices.Sorted(maps.Keys(seen)) {
		list = append(list, ident(governedSchema(s)), ident(s))
	}
	if !seen["public"] {
		list = append(list, "public")
	}
	return strings.Join(list, ", ")
}

// risky are logins that nothing here can govern.
func (d *draft) risky() []push.Problem {
	var out []push.Problem
	for _, name := range slices.Sorted(maps.Keys(d.f.logins)) {
		l := d.f.logins[name]
		switch {
		case l.super:
			out = append(out, push.Problem{Object: name, Message: "the login is a superuser or bypasses row security: it sees everything", Hint: "let people log in as roles without these attributes"})
		case l.reader:
			out = append(out, push.Problem{Object: name, Message: "the login is a member of pg_read_all_data or pg_write_all_data: it reads masked columns of the rows it may see",
				Hint: "REVOKE pg_read_all_data, pg_write_all_data FROM " + role(name)})
		case l.owns != "" && !slices.Contains(d.f.exempt, name):
			out = append(out, push.Problem{Object: name, Message: "the login is a member of " + l.owns + ", which owns what is governed: it reads masked columns of the rows it may see, and can alter the tables",
				Hint: "REVOKE " + role(l.owns) + " FROM " + role(name) + ", or list it in the setting " + push.SettingExempt + " if it is to see everything"})
		}
	}
	return out
}

// terminations end sessions of logins and subjects that were cut off.
func (d *draft) terminations(edits []push.Edit) []string {
	var subjects, roles []string
	off := false
	for _, e := range edits {
		kept := map[string]bool{}
		for _, r := range e.Put {
			kept[r[0]] = e.Table != push.Identities || r[3] == "t"
		}
		for _, r := range e.Delete {
			switch {
			case e.Table == push.Identities && !kept[r[0]]:
				subjects = append(subjects, r[0])
			case e.Table == push.Logins && !kept[r[0]]:
				roles = append(roles, r[0])
			}
		}
		off = off || (e.Table == push.Switches && slices.ContainsFunc(e.Put, func(r push.Row) bool { return r[0] == "off" }))
	}
	if off {
		return []string{terminateSQL("true")}
	}
	var sql []string
	if len(roles) > 0 {
		sql = append(sql, terminateSQL("a.usename::text = ANY ("+array(roles)+")"))
	}
	if len(subjects) > 0 {
		in := "ANY (" + array(subjects) + ")"
		sql = append(sql, terminateSQL("a.usename::text IN (SELECT l.role FROM immuta_system.login l WHERE l.identity::text = "+in+
			") OR EXISTS (SELECT FROM immuta_system.binding b WHERE b.pid = a.pid AND b.backend_start = a.backend_start AND b.subject::text = "+in+")"))
	}
	return sql
}

func array(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = literal(s)
	}
	return "ARRAY[" + strings.Join(quoted, ", ") + "]::pg_catalog.text[]"
}

// terminateSQL ends the sessions in this database that the condition names, but those of superusers and our own.
func terminateSQL(where string) string {
	return "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid)) FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid " +
		"WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() AND NOT r.rolsuper AND a.usename <> current_user AND (" + where + ")"
}
