package duckdb

import (
	"fmt"
	"strings"

	"stead"
	"stead/policy/expr"
)

// TypeName spells a type for CAST. It refuses a type that is not one of DuckDB's: a
// Native spelling counts only when it reads as exactly the type it stands for.
func TypeName(t expr.Type) (string, error) {
	if t.Native != "" {
		back := ParseType(t.Native)
		if !strings.Contains(t.Native, "\x00") && back.Kind == t.Kind && back.Native == t.Native && nativeReads(t.Native) {
			return t.Native, nil
		}
		return "", badType(t)
	}
	switch t.Kind {
	case expr.Bool:
		return "BOOLEAN", nil
	case expr.Int:
		return intName(t)
	case expr.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return "", badType(t)
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale), nil
	case expr.Float:
		if t.Bits == 32 {
			return "FLOAT", nil
		}
		return "DOUBLE", nil
	case expr.Text:
		return "VARCHAR", nil
	case expr.Binary:
		return "BLOB", nil
	case expr.Date:
		return "DATE", nil
	case expr.Time:
		return "TIME", nil
	case expr.Timestamp:
		return "TIMESTAMP", nil
	case expr.Instant:
		return "TIMESTAMP WITH TIME ZONE", nil
	case expr.UUID:
		return "UUID", nil
	case expr.JSON:
		return "JSON", nil
	default:
		return nestedName(t)
	}
}

func intName(t expr.Type) (string, error) {
	names := map[int]string{8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT", 0: "BIGINT"}
	name, ok := names[t.Bits]
	if !ok || t.Unsigned && t.Bits != 8 && t.Bits != 16 && t.Bits != 32 {
		return "", badType(t)
	}
	if t.Unsigned {
		return "U" + name, nil
	}
	return name, nil
}

func nestedName(t expr.Type) (string, error) {
	switch {
	case t.Kind == expr.Array && t.Elem != nil:
		elem, err := TypeName(*t.Elem)
		return elem + "[]", err
	case t.Kind == expr.Map && t.Elem != nil && t.Key != nil:
		key, err := TypeName(*t.Key)
		if err != nil {
			return "", err
		}
		elem, err := TypeName(*t.Elem)
		return "MAP(" + key + ", " + elem + ")", err
	case t.Kind == expr.Struct && len(t.Fields) > 0:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			ft, err := TypeName(f.Type)
			if err != nil {
				return "", err
			}
			parts[i] = Quote(f.Name) + " " + ft
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")", nil
	}
	return "", badType(t)
}

// nativeReads reports whether a spelling holds nothing but one type: words, and
// parentheses whose quotes close, so that no SQL can hide behind it.
func nativeReads(native string) bool {
	p := &typeParser{src: native}
	_, ok := p.whole(0)
	return ok && p.rest() == ""
}

func badType(t expr.Type) error {
	return stead.Errorf(stead.Unsupported, "the embedded engine has no type %s", t)
}
