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
//	          <schema>_raw       tables of Settings.Move, whose masking views stand in <schema> under their names
//
// # Tables of immuta_system
//
// The profile tables of package push by their names, typed: identity(id bigint PK, iam, name, serves, impersonable, limited bool, key text),
// login(role name PK, identity bigint, own, pinned, exempt bool), stand_in(actor bigint, subject text), value(identity bigint, kind, key, value),
// fact(condition text, identity bigint), member(audience text, identity bigint, access "char"), scope(identity bigint, source bigint),
// source(source bigint PK, audience text, serves bool), slot(source bigint, slot int, kind, key text, given bool, placeholder text),
// switch(name text PK); and beside them
//
//	meta(connection, instance text, version int, script text, revision bigint, state, stands text)   one row; script is the digest of what
//	                                                       was run to make all this, state of what was applied
//	governed(source bigint PK, schema, name text, relation oid, layout text, rows_policy oid, rows_xmin text, force boolean,
//	         fingerprint text, detail jsonb, applied)      what stands natively for a source
//	released(kind, object text PK, source, detail jsonb, at)   how things were before they were governed
//	hash_key(id text PK, key text)                         keys; never shown. "token" is the key of standbys' tokens, made here
//	binding(pid PK, backend_start, login, subject, own, nonce) UNLOGGED   whom each backend stands for
//	impersonation(id PK, at, pid, backend_start, login, subject, asked, accepted, ended)   history of requests
//	pooler(address inet PK), membership(role text PK)      settings; memberships of the impersonation role that we granted
//
// Roles are text here, not name, which would cut what is too long to another's name.
//
// # Look-ups of immuta_policies
//
// All are SECURITY DEFINER of immuta_owner, STABLE, PARALLEL RESTRICTED, with SET search_path = pg_catalog, pg_temp. Who asks is
// found out anew by each. None gives a key.
//
//	reads(source bigint) boolean             the subject may read the source: TRUE or FALSE
//	reads(source bigint, version text)       the same; an error when the source's policies are not of that version in the snapshot
//	writes(source bigint) boolean            the same for INSERT, UPDATE, DELETE
//	intact(source bigint) boolean            the source's own policies are as applied, and row security is on
//	holds(source bigint, slot int) boolean   the fact of a slot
//	texts(source bigint, slot int) text[]    the texts of a slot, its placeholder when empty and one is given
//	user_name() text, user_iam() text        of the subject
//	key_of(source bigint) text               id in hash_key of the key for hash masks of the source
//	exempt() boolean                         the login is exempt, and asks for itself
//
// Nobody asks where a login is not known, a request was refused, or is permitted no longer: then reads, writes, holds and
// exempt are FALSE and the others NULL. For holds and texts that is only safe because reads of the same statement says FALSE
// too: a condition may stand under a NOT or choose between a mask and the value. So within one statement who asks must not change.
// Everything is read in the statement's snapshot, memberships of roles included; only the session's nonce is not. Where it
// is not the one of the session's row, every look-up is an error (42501), and so is a slot that is not there (55000).
//
// # Who asks
//
// CALL immuta_procedures.impersonate_user(name) writes a row of binding for the backend, and its nonce into the setting immuta.binding.
// No row and no nonce: the login itself, if it may. Row and nonce agree: the row's subject, if that is permitted now; a
// refused request is a row without subject. Anything else (DISCARD ALL, a nonce set by hand, one of before): nobody, until the
// next CALL. The login must be a member of the impersonation role, and have a row of stand_in; a member that has
// none and is not in membership was let in natively, and may stand in for everybody impersonable.
//
// Through an address of pooler the nonce ends with the transaction. Logins that may impersonate are nobody there without a
// CALL in the same transaction, with NULL for themselves: a transaction may run on any backend, and must mean the same on each.
//
// A standby cannot write rows. There the setting holds a token instead: subject, expiry and their mac for this backend and login. A token
// of before still holds, so a session must not have a choice: only logins that never ask for themselves
// and have one subject get one.
//
// Superusers, roles that bypass row security and members of immuta_owner are outside of all this.
//
// # Policies of a governed table
//
// stead_<id>_rows, RESTRICTIVE, for all commands, to the governed role and immuta_owner, holds the whole condition: the row rule and
// reads(id, version), which refuses a transaction whose rows are of before the policies were edited.
// stead_<id>_open, PERMISSIVE FOR SELECT to the same, holds intact(): it fails when stead_<id>_rows is not the policy that
// was applied, so that dropping or altering either opens nothing. stead_<id>_insert, _update and _delete are PERMISSIVE and hold writes() and
// intact(), and stead_<id>_deletes is RESTRICTIVE and holds writes(). These four stand, and rights to write are granted, only where somebody may write.
// stead_<id>_owner (SELECT) and stead_<id>_owner_write (ALL) are for the owners of the table and of what inherits from it, and for exempt
// logins: these see everything, others what they would see as themselves; the restrictive stead_<id>_owner_rows says the same again, so
// that none of the three opens anything when it goes. What inherits from the table has these three alone.
//
// # Layouts
//
// "rls": ordinary and partitioned tables, as above; where a column is not shown to everybody as it is, <schema>_gov has a
// view of immuta_owner over the table. "view": views, materialized and foreign tables, and tables whose row rule needs a hash key:
// the view has the row rule too and nobody else reads the table. What reads a governed table (views, materialized views, parents,
// functions that run as their owner and name it) loses its grants unless it is registered or kept by a setting.
//
// A table of Settings.Move stands in <schema>_raw with all of the above but rights of governed people; its view, which it always
// has, stands under its name and has the rights to write. In governed and released it has the name that people know.
package postgres
