package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// viewStands reports whether the view that is to stand, or none, stands already.
func (o *object) viewStands(f *found, rec *record) bool {
	if len(o.viewDrift(f)) > 0 || (o.view != nil) != (rec.detail.View != "") {
		return false
	}
	if o.view == nil {
		return true
	}
	v := f.masking(o.source.ID, o.relation.home, o.view.name)
	return ours(v, o.source.ID) && v.body == rec.part(2) && rec.detail.View == o.view.digest()
}

// viewSQL makes, replaces or drops the masking view.
func (o *object) viewSQL(f *found) []string {
	schema := governedSchema(o.relation.home)
	old := f.masking(o.source.ID, o.relation.home, o.relation.name)
	if old != nil {
		beside := *old
		beside.schema, old = schema, &beside // it was brought there, if it had the table's name
	}
	if o.view == nil {
		if old != nil && strings.HasPrefix(old.comment, marker) {
			return []string{"DROP VIEW " + ident(schema, old.name)}
		}
		return nil
	}
	list := o.viewSchema(f)
	v := ident(o.view.schema, o.view.name)
	if old != nil && (old.owner != o.names.owner || old.kind != "v" || !o.replaceable(old)) {
		list = append(list, "DROP VIEW "+v)
	}
	list = append(list, "SET LOCAL ROLE "+role(o.names.owner))
	list = append(list, "CREATE OR REPLACE VIEW "+v+" WITH (security_barrier = true) AS "+o.view.query)
	if old != nil {
		list = append(list, shutGrants(old, nil, true)...)
	} else {
		list = append(list, "REVOKE ALL ON TABLE "+v+" FROM PUBLIC")
	}
	if o.layout == inPlace {
		list = append(list, o.giveWriting(v, o.names.governed)...)
	}
	return append(list, "GRANT SELECT ON "+v+" TO "+role(o.names.governed),
		"COMMENT ON VIEW "+v+" IS "+literal(o.mark()), "RESET ROLE")
}

// viewSchema makes the schema of masking views.
func (o *object) viewSchema(f *found) []string {
	schema := governedSchema(o.relation.home)
	if s := f.schemas[schema]; s != nil && slices.Contains(s.usage, o.names.governed) {
		return nil
	}
	return []string{"DO " + literal("BEGIN "+o.makeSchema(schema, " masking views of ")+useSchema(schema, o.names.governed)+" END")}
}

func (o *object) makeSchema(schema, of string) string {
	return "IF pg_catalog.to_regnamespace(" + literal(ident(schema)) + ") IS NULL THEN CREATE SCHEMA " + ident(schema) + " AUTHORIZATION " + role(o.names.owner) +
		"; COMMENT ON SCHEMA " + ident(schema) + " IS " + literal(marker+of+o.relation.home) + "; END IF; "
}

// replaceable reports whether the old view's columns are the first of the new one's.
func (o *object) replaceable(old *relation) bool {
	if len(old.columns) > len(o.source.Columns) {
		return false
	}
	now := map[string]column{}
	for _, c := range o.relation.columns {
		now[c.name] = c
	}
	for i, c := range old.columns {
		next := o.source.Columns[i].Name
		if now[next].domain && c.domain != o.source.Columns[i].Clear() {
			return false // a mask is of the base type
		}
		if c.name != next || c.native != now[next].native || c.collation != now[next].collation {
			return false
		}
	}
	return true
}

// native is the SQL of a digest of policies, an aggregate over pg_policy.
func native(l string) string {
	return strings.ReplaceAll(`pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws('|', l.polrelid, l.polname, l.polcmd, l.polpermissive, l.polroles::text,
			pg_catalog.md5(l.polqual::text), pg_catalog.md5(l.polwithcheck::text)), ',' ORDER BY l.polrelid, l.polname))`, "l.pol", l+".pol")
}

// nativeSQL is the digest of what stands for the source on a relation and all below it.
func (o *object) nativeSQL(relation string) string {
	named := "l.polname::text LIKE 'stead\\_" + decimal(o.source.ID) + "\\_%'"
	if len(o.guarded) == 1 { // nothing is below it; where something is meanwhile, the digest is another
		return "coalesce((SELECT " + native("l") + " FROM pg_catalog.pg_policy l WHERE l.polrelid = " + relation + " AND " + named + "), '')"
	}
	return `coalesce((WITH RECURSIVE d(oid) AS (SELECT ` + relation + ` UNION SELECT i.inhrelid FROM d JOIN pg_catalog.pg_inherits i ON i.inhparent = d.oid)
	SELECT ` + native("l") + ` FROM d JOIN pg_catalog.pg_policy l ON l.polrelid = d.oid AND ` + named + `), '')`
}

// bodySQL is the digest of the view that stands.
func (o *object) bodySQL() string {
	if o.view == nil {
		return "''"
	}
	return "coalesce((SELECT pg_catalog.md5(r.ev_action::text) FROM pg_catalog.pg_rewrite r WHERE r.rulename = '_RETURN' AND r.ev_class = " +
		literal(ident(o.shown(), o.view.name)) + "::pg_catalog.regclass), '')"
}

func (v *view) digest() string {
	sum := sha256.Sum256([]byte(v.query))
	return hex.EncodeToString(sum[:16])
}
