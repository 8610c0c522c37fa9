package postgres

import (
	"fmt"
	"regexp"
	"strings"

	"stead/policy/expr"
)

// nameForm is a type's name with at most one schema and with modifiers, as format_type prints it; keywordForm is what the grammar
// itself reads, so that no search path changes it. Nothing else can hide in either.
var (
	nameForm = regexp.MustCompile(`^(?:(?:[a-z_][a-z0-9_]*|"(?:[^"\x00]|"")+")\.)?(?:[a-z_][a-z0-9_]*|"(?:[^"\x00]|"")+")(?:\(-?[A-Za-z0-9_]+(?:,-?[A-Za-z0-9_]+)*\))?$`)

	keywordForm = regexp.MustCompile(`^(?:interval(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?(?:\([0-6]\))?|` +
		`time(?:\([0-6]\))? with time zone|bit(?: varying)?(?:\([0-9]{1,9}\))?|numeric(?:\([0-9]{1,4}(?:,-?[0-9]{1,4})?\))?)$`)
)

func keyword(native string) bool { return keywordForm.MatchString(native) }

// TypeName spells a type for CAST, the same under every search path. It refuses a type that is not one of PostgreSQL's.
func TypeName(t expr.Type) (string, error) {
	if t.Native != "" || t.Kind == expr.Opaque {
		return nativeName(t)
	}
	switch t.Kind {
	case expr.Bool:
		return catalog + "bool", nil
	case expr.Int:
		return intName(t)
	case expr.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return "", badType(t)
		}
		return fmt.Sprintf(catalog+"numeric(%d,%d)", t.Precision, t.Scale), nil
	case expr.Float:
		if t.Bits == 32 {
			return catalog + "float4", nil
		}
		return catalog + "float8", nil
	case expr.Text:
		return textName(t)
	case expr.Binary:
		return catalog + "bytea", nil
	case expr.Date, expr.Time, expr.Timestamp, expr.UUID:
		return catalog + t.Kind.String(), nil
	case expr.Instant:
		return catalog + "timestamptz", nil
	case expr.JSON:
		return catalog + "jsonb", nil
	case expr.Array:
		if t.Elem != nil && t.Elem.Kind != expr.Array {
			elem, err := TypeName(*t.Elem)
			return elem + "[]", err
		}
	}
	return "", badType(t)
}

// intName is the narrowest type that holds it: PostgreSQL has none of 8 bits and none without sign.
func intName(t expr.Type) (string, error) {
	lo, hi := expr.IntRange(t)
	switch {
	case t.Bits != 0 && t.Bits != 8 && t.Bits != 16 && t.Bits != 32 && t.Bits != 64:
	case t.Unsigned && (t.Bits == 0 || t.Bits == 64):
	case lo >= -1<<15 && hi < 1<<15:
		return catalog + "int2", nil
	case lo >= -1<<31 && hi < 1<<31:
		return catalog + "int4", nil
	default:
		return catalog + "int8", nil
	}
	return "", badType(t)
}

func textName(t expr.Type) (string, error) {
	switch {
	case t.Length < 0 || t.Length > maxLength || t.Fixed && t.Length == 0:
		return "", badType(t)
	case t.Fixed:
		return fmt.Sprintf(catalog+"bpchar(%d)", t.Length), nil
	case t.Length > 0:
		return fmt.Sprintf(catalog+"varchar(%d)", t.Length), nil
	}
	return catalog + "text", nil
}

// nativeName is a spelling that counts only where it reads as exactly the type it stands for.
func nativeName(t expr.Type) (string, error) {
	back := ParseType(t.Native)
	switch t.Kind {
	case expr.Time, expr.Timestamp, expr.Instant:
		if back.Kind == t.Kind && back.Native == t.Native {
			return t.Native, nil
		}
	case expr.JSON:
		if t.Native == "json" {
			return catalog + "json", nil
		}
	case expr.Text, expr.Opaque:
		switch {
		case back.Kind != expr.Opaque || back.Native != t.Native:
		case t.Kind == expr.Opaque && keyword(t.Native):
			return t.Native, nil
		case nameForm.MatchString(t.Native) && !keyword(t.Native):
			if qualifiedForm.MatchString(t.Native) {
				return t.Native, nil
			}
			return catalog + t.Native, nil
		}
	}
	return "", badType(t)
}

var qualifiedForm = regexp.MustCompile(`^(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")\.`)

func badType(t expr.Type) error {
	return unsupported("PostgreSQL has no type %s", strings.TrimSpace(t.String()))
}
