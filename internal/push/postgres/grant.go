package postgres

import (
	"slices"
)

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
