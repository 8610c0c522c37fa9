// Package postgres enforces on PostgreSQL: row security in place, column grants, and a masking view in a parallel
// schema where a column is not shown to everybody as it is.
//
// # Objects of ours
//
// Everything of ours carries the marker "stead:" in its comment (see marker); nothing else is ever changed, but for grants, row security
// and policies of the tables that are governed, of which the state before is kept in immuta_system.released.
//
//	roles     immuta_owner (NOLOGIN: owns our objects and reads governed tables for the masking views),
//	          immuta_governed (Settings.GovernedRole), immuta_impersonator (Settings.ImpersonationRole)
//	schemas   immuta_system      tables; nobody but immuta_owner reads them
//	          immuta_policies    look-ups that policies and views call; EXECUTE for PUBLIC
//	          immuta_procedures  what people call
//	          <schema>_gov       masking views of the governed tables of <schema>; on the search path before it
//
// # Tables of immuta_system
//
// The profile tables of package push by their names, typed: identity(id bigint PK, iam, name, serves, impersonable, limited bool, key text),
// login(role name PK, identity bigint, own, pinned, exempt bool), stand_in(actor bigint, subject text), value(identity bigint, kind, key, value),
// fact(condition text, identity bigint), member(audience text, identity bigint, access "char"), scope(identity bigint, source bigint),
// source(source bigint PK, audience text, serves bool), slot(source bigint, slot int, kind, key text, given bool, placeholder text),
// switch(name text PK); and beside them
//
//	meta(connection text, instance text, version int, revision bigint, state text)   one row; state is the digest of what was applied
//	governed(source bigint PK, relation oid, rows_policy oid, rows_xmin text, ...)    what stands natively for a source
//	released(...)                                                                     how tables were before they were governed
//	hash_key(id text PK, key text)                                                    keys; never shown
//	binding(pid, backend_start, login, subject, nonce) UNLOGGED                       who stands for whom, by backend
//	impersonation(at, pid, backend_start, login, subject, asked, accepted, ended)     history of requests
//	pooler(address inet PK), membership(role name PK)                                 settings; memberships that we granted
//
// # Look-ups of immuta_policies
//
// All are SECURITY DEFINER of immuta_owner, STABLE, PARALLEL RESTRICTED, with SET search_path = pg_catalog, pg_temp. Who asks is
// found out anew by each. None gives a key.
//
//	reads(source bigint) boolean             the subject may read the source: TRUE or FALSE
//	writes(source bigint) boolean            the same for INSERT, UPDATE, DELETE
//	intact(source bigint) boolean            the source's own policies are as applied, and row security is on
//	holds(source bigint, slot int) boolean   the fact of a slot; FALSE on any doubt
//	texts(source bigint, slot int) text[]    the texts of a slot, its placeholder when empty; NULL on any doubt
//	user_name() text, user_iam() text        of the subject; NULL on any doubt
//	key_of(source bigint) text               id in hash_key of the key for hash masks of the source
//	exempt() boolean                         the login is exempt
//
// # Policies of a governed table
//
// stead_<id>_rows, RESTRICTIVE, for all commands, to the governed role and immuta_owner, holds the whole condition: reads() and the row rule.
// stead_<id>_open, PERMISSIVE FOR SELECT to the same, holds intact(): it fails when stead_<id>_rows is not the policy that
// was applied, so that dropping or altering either opens nothing. stead_<id>_insert, _update and _delete are PERMISSIVE and hold writes() and
// intact(). stead_<id>_owner is for the table's owner: exempt logins see everything, others what the restrictive twin
// stead_<id>_owner_rows leaves.
package postgres
