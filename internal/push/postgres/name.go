package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	dialect "stead/dialect/postgres"
)

// names are the roles of a connection.
type names struct{ governed, owner string }

func ident(parts ...string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = dialect.Quote(p)
	}
	return strings.Join(quoted, ".")
}

func quotes(list []string) string {
	quoted := make([]string, len(list))
	for i, p := range list {
		quoted[i] = role(p)
	}
	return strings.Join(quoted, ", ")
}

func columns(list []string) string {
	quoted := make([]string, len(list))
	for i, p := range list {
		quoted[i] = dialect.Quote(p)
	}
	return strings.Join(quoted, ", ")
}

// role spells a role; "public" in the catalogue's answers is everybody.
func role(name string) string {
	if name == "public" {
		return "PUBLIC"
	}
	return dialect.Quote(name)
}

// literal spells a text; what PostgreSQL cannot hold names nothing.
func literal(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", "\uFFFD"), "'", "''") + "'"
}

// governedSchema is where the masking views of a schema are.
func governedSchema(schema string) string { return fitted(schema, "_gov") }

// fitted is a name and an ending, cut such that the server does not cut it.
func fitted(name, ending string) string {
	const most = 63
	if len(name)+len(ending) <= most {
		return name + ending
	}
	sum := sha256.Sum256([]byte(name))
	ending = "_" + hex.EncodeToString(sum[:4]) + ending
	cut := most - len(ending)
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + ending
}

func reserved(schema string) bool {
	return strings.HasPrefix(schema, "pg_") || slices.Contains([]string{"information_schema", "immuta_system", "immuta_policies", "immuta_procedures"}, schema)
}
