package postgres

import (
	"regexp"
	"strconv"
	"strings"

	"stead/policy/expr"
)

// simpleTypes are the types without modifiers, by the names that format_type gives.
var simpleTypes = map[string]expr.Type{
	"boolean": expr.BoolType, "smallint": {Kind: expr.Int, Bits: 16}, "integer": {Kind: expr.Int, Bits: 32}, "bigint": expr.IntType,
	"real": {Kind: expr.Float, Bits: 32}, "double precision": {Kind: expr.Float, Bits: 64}, "text": expr.TextType, "character varying": expr.TextType,
	"bytea": {Kind: expr.Binary}, "date": expr.DateType, "time without time zone": {Kind: expr.Time},
	"timestamp without time zone": expr.TimestampType, "timestamp with time zone": expr.InstantType,
	"uuid": {Kind: expr.UUID}, "jsonb": {Kind: expr.JSON}, "json": {Kind: expr.JSON, Native: "json"},
}

// catalogNames are the names in pg_catalog, which count with that schema and without.
var catalogNames = map[string]string{
	"bool": "boolean", "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
	"varchar": "character varying", "time": "time without time zone", "timestamp": "timestamp without time zone",
	"timestamptz": "timestamp with time zone", "text": "text", "bytea": "bytea", "date": "date", "uuid": "uuid", "json": "json", "jsonb": "jsonb",
	"numeric": "numeric", "bpchar": "bpchar",
}

// synonyms are what the grammar reads besides, and people write.
var synonyms = map[string]string{
	"int": "integer", "decimal": "numeric", "dec": "numeric", "float": "double precision", "char varying": "character varying", "char": "character",
}

const catalog = "pg_catalog."

var (
	typeForm = regexp.MustCompile(`^([a-z][a-z0-9_ ]*?) ?(?:\( ?([0-9]{1,9})(?: ?, ?(-?[0-9]{1,9}))? ?\))?( with(?:out)? time zone)?$`)
	spaces   = regexp.MustCompile(`[ \t\n]+`)
)

// ParseType reads a type as format_type prints it where only pg_catalog is on the search path: every other
// type then has its schema. What the language cannot look into (numeric without or with unusual precision, interval, inet,
// ranges, composites, extensions ...) is Opaque, with the spelling kept. Of a domain the base type is to be read,
// of an enum EnumType tells.
func ParseType(native string) expr.Type {
	base, dims := native, 0
	for strings.HasSuffix(base, "[]") {
		base, dims = strings.TrimSuffix(base, "[]"), dims+1
	}
	t := parseBase(base)
	if dims > 0 { // PostgreSQL does not tell arrays by their dimensions
		return expr.Type{Kind: expr.Array, Elem: &t}
	}
	return t
}

// EnumType is the type of a column whose type, so spelled, is an enum.
func EnumType(native string) expr.Type { return expr.Type{Kind: expr.Text, Native: native} }

func opaque(native string) expr.Type { return expr.Type{Kind: expr.Opaque, Native: native} }

func parseBase(native string) expr.Type {
	plain := strings.TrimSpace(spaces.ReplaceAllString(native, " "))
	if !strings.ContainsAny(plain, `".`) {
		plain = strings.ToLower(plain)
	}
	qualified := strings.HasPrefix(plain, catalog)
	m := typeForm.FindStringSubmatch(strings.TrimPrefix(plain, catalog))
	if m == nil {
		return opaque(unqualified(native))
	}
	name := m[1]
	if full, ok := catalogNames[name]; ok && (m[4] == "" || name == "time" || name == "timestamp") {
		if name = full; m[4] != "" {
			name = m[1] + m[4]
		}
	} else if qualified {
		return opaque(unqualified(native))
	} else if s, ok := synonyms[name]; ok && m[4] == "" {
		name = s
	} else {
		name += m[4]
	}
	if t, ok := modified(name, m[2], m[3]); ok {
		return t
	}
	return opaque(unqualified(native))
}

// unqualified is the one spelling of a name in pg_catalog.
func unqualified(native string) string {
	if rest := strings.TrimPrefix(native, catalog); rest != native && nameForm.MatchString(rest) && !keyword(rest) && !strings.Contains(rest, ".") {
		return rest
	}
	return native
}

func modified(name, first, second string) (expr.Type, bool) {
	n, _ := strconv.Atoi(first)
	switch name {
	case "numeric":
		scale, _ := strconv.Atoi(second)
		return expr.DecimalType(n, scale), first != "" && n >= 1 && n <= 38 && scale >= 0 && scale <= n
	case "character", "bpchar":
		if first == "" && name == "character" {
			n = 1
		}
		return expr.Type{Kind: expr.Text, Length: n, Fixed: true}, n > 0 && n <= maxLength && second == ""
	case "character varying":
		if first != "" {
			return expr.Type{Kind: expr.Text, Length: n}, n > 0 && n <= maxLength && second == ""
		}
	case "time without time zone", "timestamp without time zone", "timestamp with time zone":
		if first != "" {
			t := simpleTypes[name]
			word, zone, _ := strings.Cut(name, " ")
			t.Native = word + "(" + strconv.Itoa(n) + ") " + zone
			return t, n <= 6 && second == ""
		}
	}
	t, ok := simpleTypes[name]
	return t, ok && first == ""
}

const maxLength = 10_485_760
