// Package system makes stead's own objects on a PostgreSQL database: roles, schemas, tables, the functions that policies look
// people up with, and the procedures of impersonation. What the tables hold is written down in the package above.
package system

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/internal/push"
	"stead/policy/expr"
)

// Version is of the tables of immuta_system. Functions carry no version: they are made anew whenever the digest
// of the script differs.
const Version = 1

var (
	//go:embed roles.sql
	rolesSQL string
	//go:embed tables.sql
	tablesSQL string
	//go:embed who.sql
	whoSQL string
	//go:embed lookups.sql
	lookupsSQL string
	//go:embed procedures.sql
	proceduresSQL string
	//go:embed events.sql
	eventsSQL string
)

// Script are the statements that make our own roles, schemas, tables, functions and procedures, or bring them up
// to date, and note that it is done. They are for one transaction, as a superuser or as a role that has CREATEROLE and
// CREATE on the database; before PostgreSQL 16 that is enough to give immuta_owner pg_read_all_stats and pg_signal_backend, from 16
// on it needs them WITH ADMIN OPTION. Run twice they change nothing. The event trigger that closes governed tables again is
// for superusers; without it drift is found by looking.
func Script(s push.Settings, connection, instance string, super bool) ([]string, error) {
	digest, err := Digest(s)
	if err != nil {
		return nil, err
	}
	names, err := literals(connection, instance, digest)
	if err != nil {
		return nil, err
	}
	script, err := statements(s)
	if err != nil {
		return nil, err
	}
	done := fmt.Sprintf("INSERT INTO immuta_system.meta (connection, instance, version, script) VALUES (%s, %s, %d, %s) "+
		"ON CONFLICT ((true)) DO UPDATE SET version = excluded.version, script = excluded.script", names[0], names[1], Version, names[2])
	script = append(script, done, "RESET ROLE")
	if super {
		events, err := expand(s, eventsSQL)
		if err != nil {
			return nil, err
		}
		script = append(script, events...)
	}
	return append(script, note), nil
}

// Digest is what immuta_system.meta.script holds when the script of these settings was run.
func Digest(s push.Settings) (string, error) {
	script, err := statements(s)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(script, ";\n")))
	return hex.EncodeToString(sum[:16]), nil
}

// statements are the part of the script that is run as immuta_owner.
func statements(s push.Settings) ([]string, error) {
	script, err := expand(s, rolesSQL, tablesSQL, lookupsSQL, proceduresSQL)
	if err != nil {
		return nil, err
	}
	poolers, err := poolerStatements(s.Poolers)
	return append(append([]string{mend(script)}, script...), poolers...), err
}

// poolerStatements write down the addresses of poolers: IP addresses, networks, or "local" for the socket.
func poolerStatements(addresses []string) ([]string, error) {
	out := []string{"DELETE FROM immuta_system.pooler"}
	for _, text := range addresses {
		address := text
		if text == "local" {
			address = localSocket
		}
		_, err := netip.ParsePrefix(address)
		if ip, e := netip.ParseAddr(address); err != nil && (e != nil || ip.Zone() != "") {
			return nil, stead.Errorf(stead.Invalid, "%q is not the address of a pooler", text).At(stead.Place{Path: "settings." + push.SettingPoolers}).
				WithHint("use an IP address as the database sees it, a network like 10.0.0.0/24, or local")
		}
		out = append(out, "INSERT INTO immuta_system.pooler (address) VALUES ('"+address+"') ON CONFLICT DO NOTHING")
	}
	return out, nil
}

// expand fills the placeholders of scripts and splits them into statements.
func expand(s push.Settings, scripts ...string) ([]string, error) {
	roles, err := literals(s.GovernedRole, s.ImpersonationRole)
	if err != nil {
		return nil, err
	}
	declare, who, _ := strings.Cut(whoSQL, "\n--\n")
	fill := strings.NewReplacer("{{version}}", fmt.Sprint(Version), "{{governed}}", roles[0], "{{impersonator_role}}", roles[1])
	parts := strings.NewReplacer(
		"{{permitted}}", sqlPermitted, "{{single}}", sqlSingle, "{{itself}}", sqlItself, "{{pooled}}", sqlPooled, "{{impersonator}}", sqlImpersonator,
		"{{reaches}}", sqlReaches, "{{missing}}", sqlMissing, "{{pinned}}", sqlPinned, "{{refused}}", sqlRefused)
	whole := strings.NewReplacer("{{declare}}", strings.TrimSpace(declare),
		"{{who}}", strings.TrimSpace(strings.ReplaceAll(who, "{{lost}}", sqlLost)),
		"{{who_quietly}}", strings.TrimSpace(strings.ReplaceAll(who, "{{lost}}", "v_asks := NULL;")))
	var out []string
	for _, script := range scripts {
		text := script
		for _, r := range []*strings.Replacer{whole, parts, parts} {
			text = r.Replace(text)
		}
		for statement := range strings.SplitSeq(text, "\n--\n") {
			out = append(out, fill.Replace(strings.TrimSpace(statement)))
		}
	}
	return out, nil
}

func literals(texts ...string) ([]string, error) {
	out := make([]string, len(texts))
	for i, text := range texts {
		l, err := dialect.Literal(expr.Value{Valid: true, Kind: expr.Text, Text: text}, expr.TextType)
		if err != nil {
			return nil, err
		}
		out[i] = l
	}
	return out, nil
}

// localSocket stands for the local socket, which has no address.
const localSocket = "0.0.0.0"

// What the scripts have in common. In conditions i is the subject and l the login's row, which may be none.
const (
	// sqlImpersonator: the login is a member of the impersonation role, read in the statement's snapshot. Superusers are
	// members of what they were made members of.
	sqlImpersonator = `(EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles u ON u.oid = m.member
      WHERE g.rolname = {{impersonator_role}} AND u.rolname = session_user)
    OR EXISTS (WITH RECURSIVE held(role) AS (
      SELECT u.oid FROM pg_catalog.pg_roles u WHERE u.rolname = session_user
      UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN held h ON h.role = m.member)
      SELECT FROM held h JOIN pg_catalog.pg_roles g ON g.oid = h.role WHERE g.rolname = {{impersonator_role}}))`
	// sqlPermitted: the login may ask in the stead of i now.
	sqlPermitted = `i.impersonable AND i.serves AND NOT EXISTS (SELECT FROM immuta_system.switch w WHERE w.name = 'off')
      AND (l.identity IS NULL OR EXISTS (SELECT FROM immuta_system.identity a WHERE a.id = l.identity))
      AND CASE WHEN EXISTS (SELECT FROM immuta_system.stand_in t WHERE t.actor = l.identity)
               THEN EXISTS (SELECT FROM immuta_system.stand_in t WHERE t.actor = l.identity AND t.subject IN ('*', i.id::text))
               ELSE NOT EXISTS (SELECT FROM immuta_system.membership s WHERE s.role = session_user::text) END
      AND {{impersonator}}`
	// sqlSingle: on a standby the login can be one person and no other, not even itself.
	sqlSingle = `NOT l.own AND NOT l.exempt AND NOT l.pinned
      AND (SELECT count(*) = 1 AND min(t.subject) = v_subject::text FROM immuta_system.stand_in t WHERE t.actor = l.identity)`
	// sqlItself: nothing was asked for, and nothing need be. Where a superuser, or the server itself, maintains a table, functions of its
	// indexes run as its owner, who must not be answered as the superuser.
	sqlItself = `((coalesce(v_bound, false) OR NOT ({{pooled}} AND {{impersonator}}))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = session_user AND r.rolsuper))`
	// sqlPooled: the connection comes through a listed pooler; 0.0.0.0 stands for the local socket.
	sqlPooled = `EXISTS (SELECT FROM immuta_system.pooler p WHERE coalesce(inet_client_addr(), '` + localSocket + `') <<= p.address)`

	// sqlReaches: the rows by which the subject reaches the source $1; m.access says how.
	sqlReaches = `SELECT FROM immuta_system.source o JOIN immuta_system.member m ON m.audience = o.audience AND m.identity = v_asks
      WHERE o.source = $1 AND o.serves AND (NOT v_limited OR EXISTS (SELECT FROM immuta_system.scope c WHERE c.identity = v_asks AND c.source = $1))`

	sqlLost = `RAISE EXCEPTION 'it is not known in whose stead this session asks' USING ERRCODE = '42501', HINT = 'CALL immuta_procedures.impersonate_user with a name, or with NULL to ask for yourself';`

	sqlMissing = `RAISE EXCEPTION 'the policies of this table are not complete' USING ERRCODE = '55000', HINT = 'try again; if it stays, tell whoever runs stead';`

	sqlPinned = `RAISE EXCEPTION 'impersonation is pinned in this session and cannot be changed or ended' USING ERRCODE = '42501', HINT = 'open a new session';`

	sqlRefused = `RAISE WARNING 'you may not ask in the stead of this user: governed tables show nothing' USING ERRCODE = '42501', HINT = 'CALL immuta_procedures.impersonate_user(NULL) ends it; a user administrator gives the right to stand in for somebody';`
)
