package rewrite

import (
	"strconv"
	"strings"
	"time"

	"stead/policy/expr"
)

// kind is the family of an expression's type as far as the list of total
// functions needs it. The zero kind is unknown, and nothing of it is total.
type kind byte

const (
	unknownKind kind = iota
	nullKind
	boolKind
	intKind // up to 64 bits
	hugeKind
	decimalKind
	wideKind // as a result: decimal(38, s) of the first argument's scale
	floatKind
	textKind
	literalKind // as an argument: literal text
	dateKind
	timeKind
	timestampKind
	instantKind
	uuidKind
	blobKind
	numberKind // as an argument: any number
	sumKind    // as an argument: a decimal whose sums cannot overflow
	anyKind    // as an argument: any of the known
	sameKind   // as a result: the first argument's
)

var kindOf = map[rune]kind{'b': boolKind, 'i': intKind, 'h': hugeKind, 'd': decimalKind, 'm': sumKind, 'w': wideKind, 'f': floatKind,
	't': textKind, 'l': literalKind, 'D': dateKind, 'T': timeKind, 'W': timestampKind, 'Z': instantKind, 'u': uuidKind,
	'x': blobKind, 'n': numberKind, 'y': anyKind, 's': sameKind}

// typ is what is known of an expression's type.
type typ struct {
	kind      kind
	precision int  // digits of intKind and decimalKind
	scale     int  // of decimalKind
	constant  bool // a literal, a checked cast of one, or a parameter
	literal   bool // literal text, in text
	text      string
}

func (t typ) number() bool {
	return t.kind == intKind || t.kind == hugeKind || t.kind == decimalKind || t.kind == floatKind
}

// fits reports whether the type is one that a signature's argument wants.
func (t typ) fits(want kind) bool {
	switch want {
	case anyKind:
		return t.kind != unknownKind && t.kind != nullKind
	case numberKind:
		return t.number()
	case literalKind:
		return t.literal
	case sumKind:
		return t.kind == decimalKind && t.precision <= 28
	}
	return t.kind == want
}

// declared gives the kind of a source's column. A type with its own native
// spelling (an enum, nanoseconds, 128 bits) and an unsigned one are unknown.
func declared(t expr.Type) typ {
	if t.Native != "" || t.Unsigned {
		return typ{}
	}
	switch t.Kind {
	case expr.Bool:
		return typ{kind: boolKind}
	case expr.Int:
		return typ{kind: intKind, precision: digits(t.Bits)}
	case expr.Decimal:
		return typ{kind: decimalKind, precision: t.Precision, scale: t.Scale}
	case expr.Float:
		return typ{kind: floatKind}
	case expr.Text:
		return typ{kind: textKind}
	case expr.Date:
		return typ{kind: dateKind}
	case expr.Time:
		return typ{kind: timeKind}
	case expr.Timestamp:
		return typ{kind: timestampKind}
	case expr.Instant:
		return typ{kind: instantKind}
	case expr.UUID:
		return typ{kind: uuidKind}
	case expr.Binary:
		return typ{kind: blobKind}
	}
	return typ{}
}

func digits(bits int) int {
	switch bits {
	case 8:
		return 3
	case 16:
		return 5
	case 32:
		return 10
	}
	return 19
}

// native gives the kind of a type of DuckDB as its tree names it.
func native(id string, precision, scale int) typ {
	switch id {
	case "NULL", "\"NULL\"":
		return typ{kind: nullKind}
	case "BOOLEAN":
		return typ{kind: boolKind}
	case "TINYINT":
		return typ{kind: intKind, precision: 3}
	case "SMALLINT":
		return typ{kind: intKind, precision: 5}
	case "INTEGER":
		return typ{kind: intKind, precision: 10}
	case "BIGINT":
		return typ{kind: intKind, precision: 19}
	case "HUGEINT":
		return typ{kind: hugeKind}
	case "DECIMAL":
		return typ{kind: decimalKind, precision: precision, scale: scale}
	case "FLOAT", "DOUBLE":
		return typ{kind: floatKind}
	case "VARCHAR":
		return typ{kind: textKind}
	case "DATE":
		return typ{kind: dateKind}
	case "TIME":
		return typ{kind: timeKind}
	case "TIMESTAMP":
		return typ{kind: timestampKind}
	case "TIMESTAMP WITH TIME ZONE":
		return typ{kind: instantKind}
	case "UUID":
		return typ{kind: uuidKind}
	}
	return typ{}
}

// comparable reports whether comparing the two cannot fail on any value: either
// nothing is converted, or the conversion holds for every value of the type, or
// what is converted is a literal checked here.
func comparable(a, b typ) bool {
	if a.kind == unknownKind || b.kind == unknownKind {
		return false
	}
	if a.kind == nullKind || b.kind == nullKind {
		return true
	}
	switch {
	case a.number() && b.number():
		return comparableNumbers(a, b)
	case a.literal && b.kind != textKind:
		return converts(a.text, b)
	case b.literal && a.kind != textKind:
		return converts(b.text, a)
	case a.kind == dateKind && b.kind == timestampKind:
		return a.constant
	case a.kind == timestampKind && b.kind == dateKind:
		return b.constant
	}
	return a.kind == b.kind
}

func comparableNumbers(a, b typ) bool {
	if a.kind == floatKind || b.kind == floatKind {
		return true
	}
	if a.kind == hugeKind || b.kind == hugeKind {
		return a.kind != decimalKind && b.kind != decimalKind
	}
	return max(a.precision-a.scale, b.precision-b.scale)+max(a.scale, b.scale) <= 38
}

// converts reports whether literal text converts to the type. It knows fewer
// spellings than the engine; what it does not know is not total.
func converts(s string, to typ) bool {
	switch to.kind {
	case boolKind:
		return s == "t" || s == "f" || s == "true" || s == "false"
	case intKind:
		digits := strings.TrimPrefix(s, "-")
		_, err := strconv.ParseInt(s, 10, 64)
		return err == nil && !strings.HasPrefix(s, "+") && len(digits) < to.precision && len(digits) > 0
	case dateKind:
		return dated(s, "2006-01-02")
	case timestampKind:
		return dated(s, "2006-01-02") || dated(s, "2006-01-02 15:04:05") || dated(s, "2006-01-02T15:04:05") ||
			dated(s, "2006-01-02 15:04") || dated(s, "2006-01-02 15:04:05.000") || dated(s, "2006-01-02 15:04:05.000000")
	case uuidKind:
		return isUUID(s)
	case floatKind:
		_, err := strconv.ParseFloat(s, 64)
		return err == nil && strings.Trim(s, "0123456789.-") == "" && len(s) < 40
	}
	return false
}

func dated(s, layout string) bool {
	t, err := time.Parse(layout, s)
	return err == nil && len(s) == len(layout) && t.Year() >= 1
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if strings.IndexByte("0123456789abcdefABCDEF", s[i]) < 0 {
			return false
		}
	}
	return true
}
