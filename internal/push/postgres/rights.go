package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// standing is how a role that we make, or use, stands to the role we connect as.
type standing struct {
	there    bool
	member   bool // we are one
	admin    bool // we may make others members
	ours     bool // immuta_owner is a member
	standIns bool // the impersonation role is a member
}

// lookRights finds what making our own objects would fail for. Superusers may do everything.
func (d *draft) lookRights(ctx context.Context, tx pgx.Tx) error {
	f := d.f
	if f.super {
		return nil
	}
	f.rights = &rights{roles: map[string]standing{}}
	if err := tx.QueryRow(ctx, `SELECT has_database_privilege(current_database(), 'CREATE')`).Scan(&f.rights.schemas); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT r.rolname::text, pg_has_role(r.oid, 'MEMBER'), pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION'),
			EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.member WHERE m.roleid = r.oid AND o.rolname = $2),
			EXISTS (SELECT FROM pg_roles i WHERE i.rolname = $3 AND pg_has_role(i.oid, r.oid, 'MEMBER'))
		FROM pg_roles r WHERE r.rolname = ANY ($1::text[])`, append(d.roles(), statistics, signalling), ownerRole, d.next.Settings.ImpersonationRole)
	return server.Each(rows, err, func(r pgx.Rows) error {
		var name string
		s := standing{there: true}
		if err := r.Scan(&name, &s.member, &s.admin, &s.ours, &s.standIns); err != nil {
			return err
		}
		f.rights.roles[name] = s
		return nil
	})
}

// rights are those of the role we connect as, when it is not a superuser.
type rights struct {
	schemas bool // it may make schemas
	roles   map[string]standing
}

// What immuta_owner is a member of, to know backends and to end them.
const (
	statistics = "pg_read_all_stats"
	signalling = "pg_signal_backend"
)

// roles are those that our own objects take.
func (d *draft) roles() []string {
	return []string{ownerRole, d.next.Settings.GovernedRole, d.next.Settings.ImpersonationRole}
}

// withoutRights are the problems for which our own objects cannot be made.
func (d *draft) withoutRights() []push.Problem {
	f := d.f
	if f.rights == nil || len(d.boot) == 0 {
		return nil
	}
	var out []push.Problem
	need := func(message, hint string) {
		out = append(out, push.Problem{Object: f.user, Message: "stead's own objects cannot be made: " + message, Hint: hint, Blocking: true})
	}
	schemas := []string{"immuta_system", "immuta_policies", "immuta_procedures"}
	if !f.rights.schemas && slices.ContainsFunc(schemas, func(s string) bool { return f.schemas[s] == nil }) {
		need("the role may not make schemas in the database", "GRANT CREATE ON DATABASE "+ident(f.database)+" TO "+role(f.user))
	}
	missing := d.unmade()
	if len(missing) > 0 && !f.creates {
		need("the role may not make roles, and "+strings.Join(missing, ", ")+" are to be made", "ALTER ROLE "+role(f.user)+" CREATEROLE")
	}
	// Before PostgreSQL 16 who may make roles may make anybody a member of any.
	all := f.creates && f.version < 160000
	if o := f.rights.roles[ownerRole]; o.there && !o.member && !o.admin && !all {
		need("the role is not a member of "+ownerRole, "GRANT "+role(ownerRole)+" TO "+role(f.user))
	}
	for _, name := range []string{statistics, signalling} {
		if g := f.rights.roles[name]; !g.ours && !g.admin && !all && (f.version >= 160000 || len(missing) == 0) {
			need("the role may not make "+ownerRole+" a member of "+name, "GRANT "+name+" TO "+role(f.user)+" WITH ADMIN OPTION")
		}
	}
	governed := d.next.Settings.GovernedRole
	if g := f.rights.roles[governed]; g.there && !g.standIns && !g.admin && !all {
		need("the role may not give "+governed+" to others", "GRANT "+role(governed)+" TO "+role(f.user)+" WITH ADMIN OPTION")
	}
	return out
}

// unmade are the roles that are not there.
func (d *draft) unmade() []string {
	return slices.DeleteFunc(d.roles(), func(name string) bool { return d.f.rights.roles[name].there })
}
