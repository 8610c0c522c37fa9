// Package gen makes random well-typed expressions and rows of edge values from a seed.
// Tests hold the interpreter, folding and printers against each other with it.
package gen

import (
	"fmt"
	"math"
	"math/big"

	"stead/policy/expr"
)

// Gen is a source of expressions and rows; the same seed gives the same ones.
type Gen struct {
	state uint64
	// Subjects lets expressions ask for facts about the subject.
	Subjects bool
	// Key is the id of the key that hashes use.
	Key string
	// Depth is how deep expressions nest.
	Depth int
}

// New makes a Gen without subjects, with the key "source/1" and a depth of 4.
func New(seed uint64) *Gen { return &Gen{state: seed, Key: "source/1", Depth: 4} }

// next is splitmix64.
func (g *Gen) next() uint64 {
	g.state += 0x9e3779b97f4a7c15
	z := g.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (g *Gen) n(n int) int { return int(g.next() % uint64(n)) }

func (g *Gen) chance(percent int) bool { return g.n(100) < percent }

func pick[T any](g *Gen, of []T) T { return of[g.n(len(of))] }

// Columns is one column of every type the language looks into, named after it.
func Columns() []expr.Column {
	types := []expr.Type{
		expr.BoolType, expr.IntType, {Kind: expr.Int, Bits: 8}, {Kind: expr.Int, Bits: 32}, {Kind: expr.Int, Bits: 16, Unsigned: true},
		expr.DecimalType(10, 2), expr.DecimalType(38, 0), expr.DecimalType(38, 18), expr.DecimalType(18, 9),
		{Kind: expr.Float}, {Kind: expr.Float, Bits: 32}, expr.TextType, {Kind: expr.Text, Length: 8}, {Kind: expr.Text, Length: 5, Fixed: true},
		{Kind: expr.Binary}, expr.DateType, {Kind: expr.Time}, expr.TimestampType, expr.InstantType, {Kind: expr.UUID},
		{Kind: expr.Array, Elem: &expr.Type{Kind: expr.Text}},
	}
	var out []expr.Column
	for _, t := range types {
		out = append(out, expr.Column{Name: fmt.Sprintf("c_%s", t), Typ: t}, expr.Column{Name: fmt.Sprintf("d \"%s\"", t), Typ: t})
	}
	return out
}

// Row is a value for every column, NULLs and edges among them.
func (g *Gen) Row(cols []expr.Column) map[string]expr.Value {
	row := make(map[string]expr.Value, len(cols))
	for _, c := range cols {
		row[c.Name] = g.Value(c.Typ)
	}
	return row
}

// Value is a value that fits the type; one in eight is NULL.
func (g *Gen) Value(t expr.Type) expr.Value {
	if g.chance(12) {
		return expr.Null
	}
	switch t.Kind {
	case expr.Bool:
		return expr.BoolValue(g.chance(50))
	case expr.Int:
		return g.intValue(t)
	case expr.Decimal:
		return g.decimalValue(t)
	case expr.Float:
		f := pick(g, floats)
		if t.Bits == 32 {
			f = float64(float32(f))
		}
		return expr.FloatValue(f)
	case expr.Text:
		return g.textValue(t)
	case expr.Binary:
		return expr.BinaryValue([]byte(pick(g, []string{"", "\x00", "\xff\x00\xab", "\x80\xc3", "abc"})))
	case expr.UUID:
		return expr.Value{Kind: expr.UUID, Valid: true, Text: pick(g, uuids)}
	case expr.Array:
		return g.arrayValue(t)
	default:
		return g.timeValue(t)
	}
}

func (g *Gen) intValue(t expr.Type) expr.Value {
	lo, hi := expr.IntRange(t)
	i := pick(g, []int64{0, 1, -1, 2, 7, 10, 99, 100, 101, lo, lo + 1, hi, hi - 1, int64(g.n(2000)) - 1000})
	return expr.IntValue(min(max(i, lo), hi))
}

func (g *Gen) decimalValue(t expr.Type) expr.Value {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	var d *big.Int
	switch g.n(7) {
	case 0:
		d = new(big.Int)
	case 1:
		d = new(big.Int).Sub(limit, big.NewInt(1))
	case 2:
		d = big.NewInt(1)
	case 3:
		d = new(big.Int).Div(new(big.Int).Mul(unit, big.NewInt(int64(g.n(40))*5)), big.NewInt(100))
	case 4:
		d = new(big.Int).Mul(unit, big.NewInt(int64(g.n(200))))
	default:
		d = new(big.Int).SetUint64(g.next() >> g.n(64))
	}
	d.Mod(d, limit)
	if g.chance(50) {
		d.Neg(d)
	}
	return expr.DecimalValue(d, t.Scale)
}

func (g *Gen) textValue(t expr.Type) expr.Value {
	s := pick(g, texts)
	if g.chance(25) {
		s += pick(g, texts)
	}
	if r := []rune(s); t.Length > 0 && len(r) > t.Length {
		s = string(r[:t.Length])
	}
	if t.Fixed {
		for len(s) > 0 && s[len(s)-1] == ' ' {
			s = s[:len(s)-1]
		}
	}
	return expr.TextValue(s)
}

func (g *Gen) arrayValue(t expr.Type) expr.Value {
	v := expr.Value{Kind: expr.Array, Valid: true, Items: []expr.Value{}}
	for range g.n(4) {
		v.Items = append(v.Items, g.Value(*t.Elem))
	}
	return v
}

func (g *Gen) timeValue(t expr.Type) expr.Value {
	v := expr.Value{Kind: t.Kind, Valid: true}
	day := pick(g, days)
	if g.chance(30) {
		day = int64(g.n(40000)) - 10000
	}
	clock := pick(g, []int64{0, 1, 86_399_999_999, 43_200_000_000, 8_999_999_999, 9_000_000_000, 59_999_999, 500_000})
	switch t.Kind {
	case expr.Date:
		v.Int = day
	case expr.Time:
		v.Int = clock
	default:
		v.Int = day*86_400_000_000 + clock
	}
	return v
}

// Facts are a subject's, chosen so that they meet the rows now and then.
func (g *Gen) Facts() *expr.Facts {
	f := &expr.Facts{UserName: pick(g, texts), IAM: "bim", Attributes: map[string][]string{}, NowMicros: 1_700_000_000_000_000 + int64(g.n(1e9))}
	for _, key := range attributeKeys {
		for range g.n(6) {
			f.Attributes[key] = append(f.Attributes[key], pick(g, held))
		}
	}
	for range g.n(4) {
		f.Groups = append(f.Groups, pick(g, held))
		f.Purposes = append(f.Purposes, pick(g, held))
	}
	return f
}

var attributeKeys = []string{"department", "region", "it's"}

var held = append([]string{"7", "007", "-1", "true", "1.50", "1.5", "2024-02-29", "2024-02-29T00:00:00.000000", "a.b.c", "a.b", "x", "00",
	"1970-01-01T00:00:00.000000Z", "100", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "12:00:00.000000", "0", "0.00", "ff00ab"}, texts...)

var floats = []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e300, -1e300, 5e-324, 123456789, 99.5, 100, -0.5, math.NaN(), math.Inf(1), math.Inf(-1), 9007199254740993}

var texts = []string{"", " ", "a", "A", "a ", "  a", "ab", "abc", "aBc", "b", "a,b,,c", "é", "e\u0301", "Straße", "ΟΔΟΣ", "Iİıi", "漢字", "𠀀", "😀",
	"👩‍👩‍👧 x", "🇩🇪", "a'b\"c\\d", "a%b_c", "!", "%", "tab\tnew\nline", "\u00a0a\u00a0", "\uffff", "7", "-12", "007", "2024-02-29", "2023-02-29", "0000-01-01",
	"123456789012345678", "1234567890123456789", "ana@example.com", "aaaa", "true", "x.y.z"}

var uuids = []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"}

// 1970-01-01, 2024-02-29, 0001-01-01, 9999-12-31, 1582-10-10, month ends, year ends and ISO week 53.
var days = []int64{0, 19782, expr.MinDay, expr.MaxDay, -141423, 19753, 19782 + 31, 18627, 18628, 18630, -1, 19722, 11016}
