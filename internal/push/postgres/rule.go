package postgres

import (
	"crypto/sha256"
	"fmt"
	"strings"
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
