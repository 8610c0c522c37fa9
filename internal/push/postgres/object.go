package postgres

import (
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

func (o *object) mark() string {
	return marker + "source=" + decimal(o.source.ID) + ":fingerprint=" + o.intent
}

// detail is what each policy and the view were made to say, as it is written down.
type detail struct {
	Rules map[string]string `json:"rules,omitempty"`
	View  string            `json:"view,omitempty"`
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
