package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	if o.layout == inPlace && o.writable {
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
	return []string{"CREATE POLICY " + ident(r.name) + " ON " + table + " AS " + kind + " FOR " + r.command + r.body()}
}

// body is whom a rule is for, and what it says.
func (r rule) body() string {
	text := " TO " + quotes(r.to)
	if r.using != "" {
		text += " USING (" + r.using + ")"
	}
	if r.check != "" {
		text += " WITH CHECK (" + r.check + ")"
	}
	return text
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
	v := f.masking(o.source.ID, rec.schema, rec.name)
	if v != nil && ours(v, o.source.ID) && (rec.schema != o.relation.home || rec.name != o.relation.name) {
		list = append(list, "DROP VIEW "+ident(v.schema, rec.name))
	}
	return list
}

func ours(v *relation, id stead.SourceID) bool {
	return strings.HasPrefix(v.comment, marker+"source="+decimal(id)+":")
}

// secured reports whether row security can be put on the relation.
func secured(t *relation) bool { return t.kind == "r" || t.kind == "p" }

// sql are the statements that make the database hold the object. Where what stands is known to be as it was written, only what
// is to be different is edited, and nothing when it is not as it was any more.
func (o *object) sql(f *found) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	stands := o.stands(f)
	seen := stands != nil && o.viewStands(f, stands)
	if rec := f.governed[o.source.ID]; rec != nil && (stands == nil || slices.ContainsFunc(o.guarded, func(t *relation) bool { return t.force != o.force })) {
		// the event trigger puts back what the record says
		add("UPDATE immuta_system.governed SET force = %t, layout = %s WHERE source = %s", o.force, literal(o.layout), decimal(o.source.ID))
		list = append(list, o.leave(rec, f)...)
	}
	if v := f.masking(o.source.ID, o.relation.home, o.relation.name); v != nil && v.kind == "v" && ours(v, o.source.ID) && !seen {
		// Who reads locks the view first, and the table then: whoever does it the other way round never gets both while people read.
		add("ALTER VIEW %s SET (security_barrier = true)", ident(v.schema, v.name))
	}
	list = append(list, o.moveSQL(f, seen)...)
	for _, t := range append(slices.Clone(o.guarded), o.shut...) {
		if _, ok := f.before[ident(t.home, t.name)]; !ok {
			add("%s", remember(t, o.source.ID))
		}
	}
	if stands != nil {
		for _, t := range o.guarded {
			if secured(t) {
				list = append(list, o.lock(t, f))
			}
		}
		list = append(list, o.same(stands, seen))
	}
	for _, t := range o.guarded {
		list = append(list, o.guard(t, stands)...)
	}
	list = append(list, o.schemaSQL(f)...)
	if stands == nil || !o.granted() {
		list = append(list, o.grants()...)
	}
	list = append(list, o.sequenceSQL(f)...)
	for _, t := range o.shut {
		list = append(list, shutGrants(t, nil, false)...)
	}
	for _, d := range o.calls {
		add("%s", rememberFunction(d, o.source.ID))
		add("REVOKE ALL ON FUNCTION %s FROM %s CASCADE", d.spelled(), quotes(d.grants))
	}
	if !seen {
		list = append(list, o.viewSQL(f)...)
		list = append(list, o.takeName()...)
	}
	return append(list, o.write())
}

// stands is the record of the source when its policies are as they were written down, else nil.
func (o *object) stands(f *found) *record {
	rec := f.governed[o.source.ID]
	if rec == nil || rec.relation != o.relation.oid || rec.layout != o.layout || o.relation.from != "" || rec.schema != o.relation.home || rec.name != o.relation.name ||
		len(rec.detail.Rules) == 0 || rec.part(1) == "" || rec.part(1) != rec.native {
		return nil
	}
	return rec
}

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

// granted reports whether everybody has the rights that they are to have.
func (o *object) granted() bool {
	for _, t := range o.guarded {
		if len(o.grantDrift(t, o.allowed(t))) > 0 {
			return false
		}
	}
	return true
}

// same fails, once the table is locked, when what stands is not what was looked at: a fingerprint cannot be NULL.
func (o *object) same(rec *record, view bool) string {
	was := "g.fingerprint = " + literal(rec.fingerprint) + " AND " + o.nativeSQL("g.relation") + " = " + literal(rec.part(1))
	if view && o.view != nil {
		was += " AND " + o.bodySQL() + " = " + literal(rec.part(2))
	}
	return "UPDATE immuta_system.governed AS g SET fingerprint = CASE WHEN " + was + " THEN g.fingerprint END WHERE g.source = " + decimal(o.source.ID)
}

func (d definer) spelled() string { return ident(d.schema, d.name) + "(" + d.arguments + ")" }

// guard puts row security and policies on a table; nobody loses or gains anything before the transaction ends.
func (o *object) guard(t *relation, stands *record) []string {
	if !secured(t) {
		return nil
	}
	rules := o.rules()
	if t != o.relation {
		rules = o.ownerRules("stead_" + decimal(o.source.ID))
	}
	if list, ok := o.alter(t, rules, stands); ok {
		return list
	}
	closed := o.closing(t)
	table := ident(t.schema, t.name)
	var list []string
	if t.rls {
		list = append(list, closed)
	}
	for _, l := range t.policies {
		if ourPolicy(l) {
			list = append(list, "DROP POLICY "+ident(l.name)+" ON "+table)
		}
	}
	for _, r := range rules {
		list = append(list, r.sql(table)...)
	}
	for _, r := range rules {
		list = append(list, o.markPolicy(r, table))
	}
	if !t.rls { // last: with row security on, the server reads all policies again after each
		list = append(list, closed)
	}
	return list
}

// closing puts row security on, and locks the table.
func (o *object) closing(t *relation) string {
	force := "FORCE"
	if !o.force {
		force = "NO FORCE"
	}
	return "ALTER TABLE " + ident(t.schema, t.name) + " ENABLE ROW LEVEL SECURITY, " + force + " ROW LEVEL SECURITY"
}

// lock keeps everybody from a table that is edited. An owner may have taken the right to lock it from the table itself.
func (o *object) lock(t *relation, f *found) string {
	if f.super && t.rls && t.force == o.force {
		return "LOCK TABLE ONLY " + ident(t.schema, t.name) + " IN ACCESS EXCLUSIVE MODE"
	}
	return o.closing(t)
}

// alter edits the policies that are to say something else, where all that stand are known to be as they were written.
func (o *object) alter(t *relation, rules []rule, stands *record) ([]string, bool) {
	if stands == nil || !t.rls {
		return nil, false
	}
	table := ident(t.schema, t.name)
	there := map[string]bool{}
	var list []string
	for _, l := range t.policies {
		if !ourPolicy(l) {
			continue
		}
		if stands.detail.Rules[l.name] == "" {
			return nil, false
		}
		there[l.name] = true
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.name == l.name }) {
			list = append(list, "DROP POLICY "+ident(l.name)+" ON "+table)
		}
	}
	for _, r := range rules {
		was, now := stands.detail.Rules[r.name], r.digest()
		switch {
		case there[r.name] && was == now:
		case there[r.name] && kindOf(was) == kindOf(now):
			list = append(list, "ALTER POLICY "+ident(r.name)+" ON "+table+r.body())
		default:
			if there[r.name] {
				list = append(list, "DROP POLICY "+ident(r.name)+" ON "+table)
			}
			list = append(append(list, r.sql(table)...), o.markPolicy(r, table))
		}
	}
	return list, true
}

// digest is of what the rule says, behind what an ALTER POLICY cannot change.
func (r rule) digest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", r.to, r.using, r.check))
	return fmt.Sprintf("%s %t %t %t:%x", r.command, r.permissive, r.using != "", r.check != "", sum[:16])
}

func kindOf(digest string) string {
	kind, _, _ := strings.Cut(digest, ":")
	return kind
}

func (o *object) markPolicy(r rule, table string) string {
	return "COMMENT ON POLICY " + ident(r.name) + " ON " + table + " IS " + literal(marker+"source="+decimal(o.source.ID))
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
	if o.moved {
		return append(list, o.throughView(o.names.owner)...)
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
func (o *object) grants() []string {
	var list []string
	for _, t := range o.guarded {
		list = append(list, shutGrants(t, o.exempt, t == o.relation)...)
	}
	table := ident(o.relation.schema, o.relation.name)
	list = append(list, "GRANT SELECT ("+columns(o.declared)+") ON "+table+" TO "+role(o.names.owner))
	if o.layout != inPlace {
		return list
	}
	if o.moved {
		return append(list, o.giveWriting(table, o.names.owner)...)
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

// schemaSQL lets people and our owner into the table's schema. Thousands of sources of one schema find it done by the first.
func (o *object) schemaSQL(f *found) []string {
	s := f.schemas[o.relation.home]
	if s == nil || slices.Contains(s.usage, o.names.governed) && slices.Contains(s.usage, o.names.owner) {
		return nil
	}
	return []string{"DO " + literal("BEGIN "+useSchema(s.name, o.names.governed, o.names.owner)+" END")}
}

func useSchema(schema string, roles ...string) string {
	var text string
	for _, r := range roles {
		text += "IF NOT pg_catalog.has_schema_privilege(" + literal(r) + ", " + literal(schema) + ", 'USAGE') THEN GRANT USAGE ON SCHEMA " +
			ident(schema) + " TO " + role(r) + "; END IF; "
	}
	return text
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

// detail is what each policy and the view were made to say, as it is written down.
type detail struct {
	Rules map[string]string `json:"rules,omitempty"`
	View  string            `json:"view,omitempty"`
}

func (v *view) digest() string {
	sum := sha256.Sum256([]byte(v.query))
	return hex.EncodeToString(sum[:16])
}

func (o *object) detail() string {
	d := detail{Rules: map[string]string{}}
	if secured(o.relation) {
		for _, r := range o.rules() {
			d.Rules[r.name] = r.digest()
		}
	}
	if o.view != nil {
		d.View = o.view.digest()
	}
	text, err := json.Marshal(d)
	if err != nil { // of texts
		return "{}"
	}
	return string(text)
}

// write writes down what stands now, in the same transaction.
func (o *object) write() string {
	id := decimal(o.source.ID)
	return `INSERT INTO immuta_system.governed AS g (source, schema, name, relation, layout, rows_policy, rows_xmin, force, fingerprint, detail)
SELECT ` + id + `, ` + literal(o.relation.home) + `, ` + literal(o.relation.name) + `, c.oid, ` + literal(o.layout) + `, l.oid, l.xmin::text, ` +
		fmt.Sprint(o.force) + `, ` + literal(o.intent+":") + ` || ` + o.nativeSQL("c.oid") + ` || ':' || ` + o.bodySQL() + `, ` + literal(o.detail()) + `
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_policy l ON l.polrelid = c.oid AND l.polname = ` + literal("stead_"+id+"_rows") + `
WHERE c.oid = ` + literal(ident(o.relation.schema, o.relation.name)) + `::pg_catalog.regclass
ON CONFLICT (source) DO UPDATE SET schema = excluded.schema, name = excluded.name, relation = excluded.relation, layout = excluded.layout,
	rows_policy = excluded.rows_policy, rows_xmin = excluded.rows_xmin, force = excluded.force, fingerprint = excluded.fingerprint,
	detail = excluded.detail, applied = pg_catalog.now()`
}

// remember writes down how a relation was before it was first touched.
func remember(t *relation, id stead.SourceID) string {
	return `INSERT INTO immuta_system.released (kind, object, source, detail)
SELECT 'relation', ` + literal(ident(t.home, t.name)) + `, ` + decimal(id) + `, pg_catalog.jsonb_build_object('oid', c.oid::bigint, 'rls', c.relrowsecurity,
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
