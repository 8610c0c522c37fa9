package postgres

import (
	"strings"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/policy/expr"
)

// print prints the conditions and masks.
func (o *object) print() error {
	s := o.source
	bytes := true
	for _, c := range o.relation.columns {
		bytes = bytes && c.bytes
	}
	for i := range s.Columns {
		o.declared = append(o.declared, s.Columns[i].Name)
		if s.Columns[i].Clear() {
			o.clear = append(o.clear, s.Columns[i].Name)
		}
	}
	if s.Refused != "" {
		o.rows, o.clear = "false", nil
		return nil
	}
	var err error
	if o.rows, err = o.printer("", bytes).Condition(s.Rows); err != nil {
		return err
	}
	if o.layout == inPlace && !s.Masked() && !o.moved {
		return nil
	}
	return o.printView(bytes)
}

func (o *object) printView(bytes bool) error {
	p := o.printer("t.", bytes)
	collations := map[string]string{}
	for _, c := range o.relation.columns {
		collations[c.name] = c.collation
	}
	list := make([]string, len(o.source.Columns))
	for i := range o.source.Columns {
		c := &o.source.Columns[i]
		text := "t." + dialect.Quote(c.Name)
		if !c.Clear() {
			var err error
			p.Collation = collations[c.Name]
			if text, err = p.Mask(c.Shown, c.Type); err != nil {
				return err
			}
		}
		list[i] = text + " AS " + dialect.Quote(c.Name)
	}
	where := "(SELECT immuta_policies.intact(" + decimal(o.source.ID) + "))"
	if o.layout == viewed {
		rows, err := p.Condition(o.source.Rows)
		if err != nil {
			return err
		}
		where += " AND " + o.reads() + " AND (" + rows + ")"
	}
	o.view = &view{schema: governedSchema(o.relation.home), name: o.relation.name,
		query: "SELECT " + strings.Join(list, ", ") + " FROM " + ident(o.relation.schema, o.relation.name) + " AS t WHERE " + where}
	return nil
}

// printer prints for this source: what is asked about the subject is looked up once a statement.
func (o *object) printer(prefix string, bytes bool) dialect.Printer {
	id := decimal(o.source.ID)
	p := dialect.Printer{ByteText: bytes}
	p.Column = func(name string) string { return prefix + dialect.Quote(name) }
	p.Key = func(key string) (string, error) {
		if key == "shared/"+id {
			return "(SELECT k.key FROM immuta_system.hash_key AS k WHERE k.id OPERATOR(pg_catalog.=) (SELECT immuta_policies.key_of(" + id + ")))", nil
		}
		return "(SELECT k.key FROM immuta_system.hash_key AS k WHERE k.id OPERATOR(pg_catalog.=) " + literal(key) + ")", nil
	}
	call := func(f string, s expr.Subject) (string, error) {
		return "(SELECT immuta_policies." + f + "(" + id + ", " + s.Key + "))", slot(s.Key)
	}
	p.Texts = func(s expr.Subject) (string, error) { return call("texts", s) }
	p.Subject = func(s expr.Subject, _ string, _ expr.Type) (string, error) {
		switch s.Fact {
		case expr.SlotHolds:
			return call("holds", s)
		case expr.UserName:
			return "(SELECT immuta_policies.user_name())", nil
		case expr.UserIAM:
			return "(SELECT immuta_policies.user_iam())", nil
		}
		return "", stead.Errorf(stead.Unsupported, "a fact about the subject (%d) is not known to PostgreSQL", s.Fact)
	}
	return p
}

// slot refuses what is not a small number: it is printed as it is.
func slot(key string) error {
	for _, r := range key {
		if r < '0' || r > '9' {
			return stead.Errorf(stead.Internal, "a slot is not a number")
		}
	}
	if key == "" || len(key) > 6 {
		return stead.Errorf(stead.Internal, "a slot is not a number")
	}
	return nil
}
