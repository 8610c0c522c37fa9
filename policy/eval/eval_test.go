package eval_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"stead/policy/eval"
	"stead/policy/expr"
)

var columns = expr.Columns{Keys: []string{"source/1"}, List: []expr.Column{
	{Name: "f", Typ: expr.Type{Kind: expr.Float}}, {Name: "nul", Typ: expr.TextType}, {Name: "b", Typ: expr.BoolType}, {Name: "l", Typ: expr.Type{Kind: expr.Array, Elem: &expr.TextType}},
	{Name: "none", Typ: expr.Type{Kind: expr.Array, Elem: &expr.TextType}}, {Name: "c", Typ: expr.Type{Kind: expr.Text, Length: 5, Fixed: true}}, {Name: "bad", Typ: expr.TextType},
	{Name: "far", Typ: expr.DateType}, {Name: "later", Typ: expr.TimestampType}, {Name: "inf", Typ: expr.Type{Kind: expr.Float}}, {Name: "n", Typ: expr.IntType}, {Name: "d", Typ: expr.DecimalType(10, 2)},
}}

var row = map[string]expr.Value{
	"f": expr.FloatValue(math.NaN()), "c": expr.TextValue("ab   "), "bad": expr.TextValue("a\xff"), "far": expr.DateValue(expr.MaxDay + 1), "inf": expr.FloatValue(math.Inf(1)),
	"l": {Kind: expr.Array, Valid: true, Items: []expr.Value{expr.TextValue("a"), expr.Null}}, "later": expr.TimestampValue(math.MaxInt64),
	"d": expr.DecimalValue(big.NewInt(15), 1),
}

// Each line is one line of the language's meaning.
func TestFunctions(t *testing.T) {
	for _, c := range strings.Split(strings.TrimSpace(`
nul = 'a'                          | NULL
1 = 1.00                           | true
9007199254740993 = 9007199254740992.0 | false
'a' < 'B'                          | false
'z' < 'é'                          | true
'\uffff' < '😀'                    | true
'a' = 'a '                         | false
'e\u0301' = 'é'                    | false
c = 'ab'                           | true
c = 'ab '                          | false
bad IS NULL                        | true
bad = 'a'                          | NULL
f < 1                              | NULL
f >= 1                             | NULL
f between 0 and 1                  | NULL
inf > 1e300                        | true
same(nul, text NULL)               | true
same(nul, 'a')                     | false
same('a', 'a')                     | true
nul in ('a')                       | NULL
'a' in ('b', 'a')                  | true
'A' in ('b', 'a')                  | false
NOT nul in ('a')                   | NULL
2 between 1 and 2                  | true
n between 1 and 2                  | NULL
5 between n and 2                  | false
b and false                        | false
b and true                         | NULL
b or true                          | true
b or false                         | NULL
not b                              | NULL
is_true(b)                         | false
is_true(true)                      | true
'' is null                         | false
coalesce(nul, 'x')                 | x
coalesce(nul, nul)                 | NULL
if(b, 'x', 'y')                    | y
nullif('a', 'a')                   | NULL
nullif('a', nul)                   | a
greatest(1, n)                     | NULL
greatest(1, -2)                    | 1
least(date '2024-01-01', date '2023-01-01') | 2023-01-01
lower('AÉİß')                      | aÉİß
upper('aéıß')                      | Aéıß
trim('  a\t ')                     | a\t
ltrim(' a ') || '.'                | a .
'.' || rtrim(' a ')                | . a
length('😀e\u0301')                | 3
octets('😀é')                      | 6
substr('a😀cd', 2, 2)              | 😀c
substr('abc', 9, 2)                |
left('a😀c', 2)                    | a😀
right('a😀c', 2)                   | 😀c
right('a', 5)                      | a
concat('a', nul)                   | NULL
replace('aaa', 'aa', 'b')          | ba
position('a😀b', 'b')              | 3
position('a', 'b')                 | 0
contains('abc', 'bc')              | true
starts_with('abc', 'b')            | false
ends_with('abc', 'bc')             | true
'a\nb' like 'a_b'                  | true
'a%b' like 'a!%b'                  | true
'axb' like 'a!%b'                  | false
'a\\b' like 'a\\b'                 | true
'😀' like '_'                      | true
'' like '%'                        | true
'ab' like 'a'                      | false
'aab' like '%ab'                   | true
split_part('a,b', ',', 2)          | b
split_part('a,b', ',', 3)          |
split_part('', ',', 1)             |
lpad('abc', 5, '*')                | **abc
lpad('abc', 2, '*')                | ab
rpad('abc', 5, 'é')                | abcéé
rpad('abc', 0, '*')                |
keep_first('abcd', 2)              | ab**
keep_first('ab', 2)                | **
keep_last('abcd', 2, 'é')          | éécd
keep_last('😀😀', 2)               | **
keep_last('a', 0)                  | *
matches('ab\n', 'b$')              | false
matches('a\nb', 'a.b')             | true
matches('xab', '^ab')              | false
matches('xabab', '(?:ab){2}$')     | true
regex_replace('a1b2', '[0-9]', '$1') | a$1b$1
regex_replace('aaa', '^a', '')     | aa
9223372036854775807 + 1            | NULL
-9223372036854775808 - 1           | NULL
4611686018427387904 * 2            | NULL
2 + 3 * 4                          | 14
div(-7, 2)                         | -3
mod(-7, 2)                         | -1
abs(-9223372036854775808)          | NULL
abs(-5)                            | 5
bucket(-1, 100)                    | -100
bucket(250, 100)                   | 200
bucket(-9223372036854775808, 100)  | NULL
to_text(bucket(-0.05, 1))          | -1.00
to_text(bucket(1.26, 0.25))        | 1.25
to_text(bucket(12.50, 2.5))        | 12.50
bucket(-99999999999999999999999999999999999999., 7) | NULL
bucket(float '-0.5', 1) < -0.9     | true
bucket(f, 1) is null               | true
bucket(inf, 1) is null             | true
to_text(floor(-1.5))               | -2
to_text(ceil(-1.5))                | -1
to_text(floor(-2.0))               | -2
to_text(round(2.45, 1))            | 2.5
to_text(round(-2.45, 1))           | -2.5
to_text(round(2.44, 1))            | 2.4
to_text(round(0.5, 0))             | 1
year(far)                          | NULL
year(later)                        | NULL
year(date '2024-02-29')            | 2024
quarter(date '2024-04-01')         | 2
doy(date '2024-12-31')             | 366
isodow(date '2024-03-03')          | 7
isoweek(date '2021-01-03')         | 53
isoweek(date '2024-12-30')         | 1
day(timestamptz '2024-01-01 00:30:00+01:00') | 31
date_trunc('week', date '2024-03-03')    | 2024-02-26
date_trunc('week', date '0001-01-01')    | 0001-01-01
date_trunc('quarter', date '2024-05-31') | 2024-04-01
date_trunc('hour', timestamp '1969-12-31 23:59:59') | 1969-12-31T23:00:00.000000
date_trunc('day', timestamptz '2024-01-01 00:30:00+01:00') | 2023-12-31T00:00:00.000000Z
add_days(date '9999-12-31', 1)     | NULL
add_days(date '0001-01-01', -1)    | NULL
add_days(far, -5)                  | NULL
add_days(date '2024-02-28', 2)     | 2024-03-01
add_months(date '2024-01-31', 1)   | 2024-02-29
add_months(date '2024-03-31', -13) | 2023-02-28
add_months(date '9999-12-01', 1)   | NULL
days_between(date '2024-02-28', date '2024-03-01') | 2
add_seconds(timestamp '9999-12-31 23:59:59', 1) | NULL
add_seconds(timestamp '2024-02-29 23:59:59.5', 1) | 2024-03-01T00:00:00.500000
to_day(timestamptz '2024-01-01 00:30:00+01:00') | 2023-12-31
to_utc(timestamptz '2024-01-01 00:30:00+01:00') | 2023-12-31T23:30:00.000000
to_text(far)                       | NULL
to_text(d)                         | 1.50
to_text(c)                         | ab
to_int('007')                      | 7
to_int('-12')                      | -12
to_int('1.0')                      | NULL
to_int('1234567890123456789')      | NULL
to_int('７')                       | NULL
to_date('2024-02-29')              | 2024-02-29
to_date('2023-02-29')              | NULL
to_date('0000-01-01')              | NULL
to_date('20240229')                | NULL
hash('a', 64)                      | 7108c85ebadc3e3293ff2e190c5a0b2d4605dc31b4bb4bf309bc3746ca9bc94a
hash(nul, 8)                       | NULL
hash(far, 8)                       | NULL
sample('a', 10000)                 | true
sample('a', 0)                     | false
sample(nul, 10000)                 | NULL
list_has(l, 'a')                   | true
list_has(l, 'z')                   | false
list_has(none, 'a')                | NULL
cast('abcdef' as text(3))          | abc
cast('ab cd' as char(3))           | ab
cast(300 as int8)                  | NULL
cast(-5 as uint8)                  | NULL
cast(1.005 as decimal(5,2))        | 1.01
cast(999.999 as decimal(5,2))      | NULL
`), "\n") {
		src, want, _ := strings.Cut(c+" ", " | ")
		src, want = unescape(strings.TrimSpace(src)), strings.TrimSpace(want)
		want = unescape(want)
		n, err := expr.Parse(src, columns)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		v := mustEval(t, n, row, nil)
		got, ok := expr.CanonicalText(v, n.Type())
		if !ok {
			got = "NULL"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", src, got, want)
		}
	}
}

// unescape writes what a table line cannot hold.
func unescape(s string) string {
	return strings.NewReplacer(`\u0301`, "\u0301", `\uffff`, "\uffff", `\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(s)
}

func TestSubject(t *testing.T) {
	facts := &expr.Facts{UserName: "ana@example.com", IAM: "bim", Groups: []string{"hr"}, Purposes: []string{"Care.Billing"}, NowMicros: 1_709_251_199_000_000,
		Attributes: map[string][]string{"n": {"007", "7"}, "d": {"1.5", "1.50"}, "name": {"ab ", "ab"}, "pad": {"ab "}}}
	r := map[string]expr.Value{"n": expr.IntValue(7), "d": row["d"], "c": row["c"]}
	for src, want := range map[string]string{
		`@username`: "ana@example.com", `@iam`: "bim", `now()`: "2024-02-29T23:59:59.000000Z", `today()`: "2024-02-29",
		`@hasAttribute('n', '007')`: "true", `@hasAttribute('n', '07')`: "false", `@hasAttribute('x', '7')`: "false",
		`@isInGroups('hr')`: "true", `@isInGroups('HR')`: "false",
		`@isUsingPurpose('Care')`: "true", `@isUsingPurpose('Care.Billing')`: "true", `@isUsingPurpose('Care.Billing.X')`: "false", `@isUsingPurpose('Car')`: "false",
		`@attributeValuesContains('n', n)`: "true", `@attributeValuesContains('d', d)`: "true", `@attributeValuesContains('n', d)`: "false",
		`@attributeValuesContains('name', c)`: "true", `@attributeValuesContains('pad', c)`: "false",
		`@attributeValuesContains('none', n)`: "false", `@attributeValuesContains('none', n, '7')`: "true", `@attributeValuesContains('none', n, '07')`: "false",
		`@attributeValuesContains('n', nul)`: "NULL", `@attributeValuesContains('none', nul)`: "false", `@attributeValuesContains('name', n + 0)`: "false",
		`@groupsContains(nul)`: "NULL", `@groupsContains(('hr'))`: "true", `@purposesContains(('Care'))`: "true", `@purposesContains(('Billing'))`: "false",
	} {
		n, err := expr.Parse(src, columns)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		for _, m := range []expr.Node{n, expr.Fold(n, facts)} {
			got, ok := expr.CanonicalText(mustEval(t, m, r, facts), n.Type())
			if !ok {
				got = "NULL"
			}
			if got != want {
				t.Errorf("%s (%s) is %s, want %s", src, expr.Print(m), got, want)
			}
		}
	}
}

func TestWhatIsNoExpressionIsAnError(t *testing.T) {
	number := expr.Column{Name: "c", Typ: expr.IntType}
	hash, err := expr.NewCall(expr.Hash, expr.Key{ID: "source/2"}, expr.TextLit("a"), expr.IntLit(8))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := expr.NewCall(expr.Hash, expr.Key{ID: "source/1"}, expr.TextLit("a"), expr.IntLit(8))
	if err != nil {
		t.Fatal(err)
	}
	short := eval.Env{Key: func(string) (string, error) { return "ABC", nil }}
	for name, c := range map[string]struct {
		n   expr.Node
		env eval.Env
	}{
		"no node": {nil, env(nil)}, "unknown function": {expr.Call{Func: "exec"}, env(nil)}, "unknown fact": {expr.Subject{}, env(&expr.Facts{})},
		"no subject": {expr.Subject{Fact: expr.UserName}, env(nil)}, "another kind of value": {number, env(nil)}, "a bare key": {expr.Key{ID: "source/1"}, env(nil)},
		"unknown key": {hash, env(nil)}, "no keys": {hash, eval.Env{}}, "a malformed key": {ours, short},
	} {
		if v, err := eval.Eval(c.n, func(string) expr.Value { return expr.TextValue("a") }, c.env); err == nil {
			t.Errorf("%s gave %+v", name, v)
		}
	}
}
