package postgres

import (
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/push"
)

// ownerRole owns our objects, and marker begins the comment of each.
const (
	ownerRole = "immuta_owner"
	marker    = "stead:"
)

// rule is one policy as it is to be.
type rule struct {
	name       string
	permissive bool
	command    string
	to         []string
	using      string // "" for none
	check      string
}

// rules are the policies of the source's own table. Everything that lets rows through holds a condition of its own, so
// that taking away any one of them opens nothing.
func (o *object) rules() []rule {
	id, users := "stead_"+decimal(o.source.ID), []string{o.names.governed, o.names.owner}
	read, write := o.reads()+" AND ("+o.rows+")", o.writes()+" AND "+o.reads()+" AND ("+o.rows+")"
	intact, writes := "(SELECT immuta_policies.intact("+decimal(o.source.ID)+"))", o.writes()
	if o.layout == viewed { // the view holds the row condition, and alone reads the table
		read, write, users = o.reads(), "false", []string{o.names.owner}
	}
	list := []rule{
		{name: id + "_rows", command: "ALL", to: users, using: read, check: write},
		{name: id + "_open", permissive: true, command: "SELECT", to: users, using: intact},
	}
	if o.layout == inPlace {
		gated := writes + " AND " + intact
		list = append(list,
			rule{name: id + "_insert", permissive: true, command: "INSERT", to: users, check: gated},
			rule{name: id + "_update", permissive: true, command: "UPDATE", to: users, using: gated, check: gated},
			rule{name: id + "_delete", permissive: true, command: "DELETE", to: users, using: gated},
			rule{name: id + "_deletes", command: "DELETE", to: users, using: writes})
	}
	return append(list, o.ownerRules(id)...)
}

// ownerRules are for the owner of the table, of what inherits from it, and for exempt logins: their statements,
// and those that run in the owner's name, say what the person who asks may see.
func (o *object) ownerRules(id string) []rule {
	exempt := "(SELECT immuta_policies.exempt())"
	read, write := exempt+" OR ("+o.reads()+" AND ("+o.rows+"))", exempt+" OR ("+o.writes()+" AND ("+o.rows+"))"
	if o.layout == viewed {
		read, write = exempt, exempt
	}
	to := o.owners()
	return []rule{
		{name: id + "_owner", permissive: true, command: "SELECT", to: to, using: read},
		{name: id + "_owner_write", permissive: true, command: "ALL", to: to, using: write, check: write},
		{name: id + "_owner_rows", command: "ALL", to: to, using: read, check: write},
	}
}

// owners are the owners of the guarded tables and the exempt logins, without the governed role.
func (o *object) owners() []string {
	var list []string
	for _, t := range o.guarded {
		list = append(list, t.owner)
	}
	list = append(list, o.exempt...)
	slices.Sort(list)
	return slices.Compact(list)
}

func (r rule) sql(table string) []string {
	kind := "RESTRICTIVE"
	if r.permissive {
		kind = "PERMISSIVE"
	}
	text := "CREATE POLICY " + ident(r.name) + " ON " + table + " AS " + kind + " FOR " + r.command + " TO " + quotes(r.to)
	if r.using != "" {
		text += " USING (" + r.using + ")"
	}
	if r.check != "" {
		text += " WITH CHECK (" + r.check + ")"
	}
	return []string{text}
}

// leave takes the source's policies and view from the table it stood on before, which stays closed.
func (o *object) leave(rec *record, f *found) []string {
	var list []string
	if t := f.relations[rec.relation]; t != nil && t.name != "" && t != o.relation {
		for _, oid := range append([]uint32{t.oid}, t.children...) {
			if x := f.relations[oid]; !slices.Contains(o.guarded, x) {
				list = append(list, shutGrants(x, nil, true)...)
			}
		}
	}
	schema := governedSchema(rec.schema)
	v := f.views[name(schema, rec.name)]
	if v != nil && ours(v, o.source.ID) && (rec.schema != o.relation.schema || rec.name != o.relation.name) {
		list = append(list, "DROP VIEW "+ident(schema, rec.name))
	}
	return list
}

func ours(v *relation, id stead.SourceID) bool {
	return strings.HasPrefix(v.comment, marker+"source="+decimal(id)+":")
}

// secured reports whether row security can be put on the relation.
func secured(t *relation) bool { return t.kind == "r" || t.kind == "p" }

// sql are the statements that make the database hold the object, whatever it holds now.
func (o *object) sql(f *found) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if rec := f.governed[o.source.ID]; rec != nil {
		// the event trigger puts back what the record says
		add("UPDATE immuta_system.governed SET force = %t, layout = %s WHERE source = %s", o.force, literal(o.layout), decimal(o.source.ID))
		list = append(list, o.leave(rec, f)...)
	}
	if v := f.views[name(governedSchema(o.relation.schema), o.relation.name)]; v != nil && v.kind == "v" && ours(v, o.source.ID) {
		// Who reads locks the view first, and the table then: whoever does it the other way round never gets both while people read.
		add("ALTER VIEW %s SET (security_barrier = true)", ident(v.schema, v.name))
	}
	for _, t := range append(slices.Clone(o.guarded), o.shut...) {
		add("%s", remember(t, o.source.ID))
	}
	for _, t := range o.guarded {
		list = append(list, o.guard(t)...)
	}
	list = append(list, o.grants(f)...)
	for _, t := range o.shut {
		list = append(list, shutGrants(t, nil, false)...)
	}
	for _, d := range o.calls {
		add("%s", rememberFunction(d, o.source.ID))
		add("REVOKE ALL ON FUNCTION %s FROM %s CASCADE", d.spelled(), quotes(d.grants))
	}
	list = append(list, o.viewSQL(f)...)
	return append(list, o.write())
}

func (d definer) spelled() string { return ident(d.schema, d.name) + "(" + d.arguments + ")" }

// guard puts row security and policies on a table; nobody loses or gains anything before the transaction ends.
func (o *object) guard(t *relation) []string {
	if !secured(t) {
		return nil
	}
	table := ident(t.schema, t.name)
	force := "FORCE"
	if !o.force {
		force = "NO FORCE"
	}
	list := []string{"ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY, " + force + " ROW LEVEL SECURITY"}
	for _, l := range t.policies {
		if ourPolicy(l) {
			list = append(list, "DROP POLICY "+ident(l.name)+" ON "+table)
		}
	}
	rules := o.rules()
	if t != o.relation {
		rules = o.ownerRules("stead_" + decimal(o.source.ID))
	}
	for _, r := range rules {
		list = append(list, r.sql(table)...)
	}
	for _, r := range rules {
		list = append(list, "COMMENT ON POLICY "+ident(r.name)+" ON "+table+" IS "+literal(o.mark()))
	}
	return list
}

func ourPolicy(l policyRow) bool {
	return strings.HasPrefix(l.name, "stead_") && strings.HasPrefix(l.comment, marker)
}

func (o *object) mark() string {
	return marker + "source=" + decimal(o.source.ID) + ":fingerprint=" + o.intent
}

// allowed are the grants that are to stand on a relation.
func (o *object) allowed(t *relation) []grant {
	if t != o.relation {
		return nil
	}
	var list []grant
	for _, c := range o.declared {
		list = append(list, grant{o.names.owner, "SELECT", c})
	}
	if o.layout != inPlace {
		return list
	}
	for _, c := range o.clear {
		list = append(list, grant{o.names.governed, "SELECT", c})
	}
	if !o.writable {
		return list
	}
	for _, c := range o.clear {
		list = append(list, grant{o.names.governed, "UPDATE", c})
	}
	for _, c := range o.declared {
		list = append(list, grant{o.names.governed, "INSERT", c})
	}
	return append(list, grant{o.names.governed, "DELETE", ""})
}

// grants takes from everybody but the owner, then gives what is allowed: grants of columns do not subtract from those of tables.
func (o *object) grants(f *found) []string {
	var list []string
	for _, t := range o.guarded {
		list = append(list, shutGrants(t, o.exempt, t == o.relation)...)
	}
	table := ident(o.relation.schema, o.relation.name)
	if s := f.schemas[o.relation.schema]; s != nil {
		for _, r := range []string{o.names.governed, o.names.owner} {
			if !slices.Contains(s.usage, r) {
				list = append(list, "GRANT USAGE ON SCHEMA "+ident(s.name)+" TO "+role(r))
			}
		}
	}
	list = append(list, "GRANT SELECT ("+columns(o.declared)+") ON "+table+" TO "+role(o.names.owner))
	if o.layout != inPlace {
		return list
	}
	to := " ON " + table + " TO " + role(o.names.governed)
	if len(o.clear) > 0 {
		list = append(list, "GRANT SELECT ("+columns(o.clear)+")"+to)
	}
	if !o.writable {
		return list
	}
	if len(o.clear) > 0 {
		list = append(list, "GRANT UPDATE ("+columns(o.clear)+")"+to)
	}
	return append(list, "GRANT INSERT ("+columns(o.declared)+"), DELETE"+to)
}

// shutGrants takes every right on a relation from everybody but its owner and those named.
func shutGrants(t *relation, keep []string, always bool) []string {
	var from []string
	for _, g := range t.grants {
		if !slices.Contains(keep, g.to) && !slices.Contains(from, g.to) {
			from = append(from, g.to)
		}
	}
	if len(from) == 0 && !always {
		return nil
	}
	if always && !slices.Contains(from, "public") {
		from = append(from, "public")
	}
	return []string{"REVOKE ALL ON TABLE " + ident(t.schema, t.name) + " FROM " + quotes(from) + " CASCADE"}
}

// viewSQL makes, replaces or drops the masking view.
func (o *object) viewSQL(f *found) []string {
	schema := governedSchema(o.relation.schema)
	old := f.views[name(schema, o.relation.name)]
	if o.view == nil {
		if old != nil && strings.HasPrefix(old.comment, marker) {
			return []string{"DROP VIEW " + ident(schema, old.name)}
		}
		return nil
	}
	var list []string
	if s := f.schemas[schema]; s == nil {
		list = append(list, "CREATE SCHEMA IF NOT EXISTS "+ident(schema)+" AUTHORIZATION "+role(o.names.owner),
			"COMMENT ON SCHEMA "+ident(schema)+" IS "+literal(marker+" masking views of "+o.relation.schema))
	}
	v := ident(o.view.schema, o.view.name)
	if old != nil && (old.owner != o.names.owner || old.kind != "v" || !o.replaceable(old)) {
		list = append(list, "DROP VIEW "+v)
	}
	list = append(list, "GRANT USAGE ON SCHEMA "+ident(schema)+" TO "+role(o.names.governed),
		"SET LOCAL ROLE "+role(o.names.owner))
	list = append(list, "CREATE OR REPLACE VIEW "+v+" WITH (security_barrier = true) AS "+o.view.query)
	if old != nil {
		list = append(list, shutGrants(old, nil, true)...)
	} else {
		list = append(list, "REVOKE ALL ON TABLE "+v+" FROM PUBLIC")
	}
	return append(list, "GRANT SELECT ON "+v+" TO "+role(o.names.governed),
		"COMMENT ON VIEW "+v+" IS "+literal(o.mark()), "RESET ROLE")
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

// nativeOf is the digest of what stands for one source on a relation and all below it.
func nativeOf(source, relation string) string {
	return `coalesce((WITH RECURSIVE d(oid) AS (SELECT ` + relation + ` UNION SELECT i.inhrelid FROM d JOIN pg_catalog.pg_inherits i ON i.inhparent = d.oid)
	SELECT ` + native("l") + ` FROM d JOIN pg_catalog.pg_policy l ON l.polrelid = d.oid AND l.polname::text LIKE 'stead\_` + source + `\_%'), '')`
}

// write writes down what stands now, in the same transaction.
func (o *object) write() string {
	body := "''"
	if o.view != nil {
		body = "coalesce((SELECT pg_catalog.md5(r.ev_action::text) FROM pg_catalog.pg_rewrite r WHERE r.rulename = '_RETURN' AND r.ev_class = " +
			literal(ident(o.view.schema, o.view.name)) + "::pg_catalog.regclass), '')"
	}
	id := decimal(o.source.ID)
	return `INSERT INTO immuta_system.governed AS g (source, schema, name, relation, layout, rows_policy, rows_xmin, force, fingerprint)
SELECT ` + id + `, ` + literal(o.relation.schema) + `, ` + literal(o.relation.name) + `, c.oid, ` + literal(o.layout) + `, l.oid, l.xmin::text, ` +
		fmt.Sprint(o.force) + `, ` + literal(o.intent+":") + ` || ` + nativeOf(id, "c.oid") + ` || ':' || ` + body + `
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_policy l ON l.polrelid = c.oid AND l.polname = ` + literal("stead_"+id+"_rows") + `
WHERE c.oid = ` + literal(ident(o.relation.schema, o.relation.name)) + `::pg_catalog.regclass
ON CONFLICT (source) DO UPDATE SET schema = excluded.schema, name = excluded.name, relation = excluded.relation, layout = excluded.layout,
	rows_policy = excluded.rows_policy, rows_xmin = excluded.rows_xmin, force = excluded.force, fingerprint = excluded.fingerprint, applied = pg_catalog.now()`
}

// remember writes down how a relation was before it was first touched.
func remember(t *relation, id stead.SourceID) string {
	return `INSERT INTO immuta_system.released (kind, object, source, detail)
SELECT 'relation', ` + literal(ident(t.schema, t.name)) + `, ` + decimal(id) + `, pg_catalog.jsonb_build_object('oid', c.oid::bigint, 'rls', c.relrowsecurity,
	'force', c.relforcerowsecurity, 'acl', c.relacl::text[], 'columns', (SELECT pg_catalog.jsonb_object_agg(a.attname, a.attacl::text[])
	FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL))
FROM pg_catalog.pg_class c WHERE c.oid = ` + literal(ident(t.schema, t.name)) + `::pg_catalog.regclass
ON CONFLICT (kind, object) DO NOTHING`
}

func rememberFunction(d definer, id stead.SourceID) string {
	return `INSERT INTO immuta_system.released (kind, object, source, detail)
SELECT 'function', ` + literal(d.spelled()) + `, ` + decimal(id) + `, pg_catalog.jsonb_build_object('acl', p.proacl::text[])
FROM pg_catalog.pg_proc p WHERE p.oid = ` + fmt.Sprint(d.oid) + ` ON CONFLICT (kind, object) DO NOTHING`
}

// step is the object as a step of a plan; the rows that belong to it are edited in the same transaction.
func (o *object) step(f *found, why string, edits []push.Edit, widens bool) push.Step {
	return push.Step{Kind: push.ObjectEdit, Object: strings.Join(o.source.Path, "."), Source: o.source.ID, Why: why, Widens: widens,
		SQL: o.sql(f), Edits: edits}
}
