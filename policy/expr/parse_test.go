package expr

import (
	"errors"
	"strings"
	"testing"
)

var scope = Columns{
	List: []Column{
		{"name", TextType}, {"Age", IntType}, {"price", DecimalType(10, 2)}, {"ratio", Type{Kind: Float}}, {"born", DateType},
		{"at", TimestampType}, {"seen", InstantType}, {"ok", BoolType}, {"dup", TextType}, {"DUP", TextType}, {"date", DateType},
		{"odd \"name\"", TextType}, {"tags", Type{Kind: Array, Elem: &TextType}}, {"doc", Type{Kind: JSON}}, {"zone", Type{Kind: Opaque, Native: "INTERVAL"}},
		{"select", TextType}, {"straße", TextType}, {"code", Type{Kind: Text, Length: 3, Fixed: true}}, {"small", Type{Kind: Int, Bits: 8}},
	},
	Tags: map[string][]string{"name": {"PII", "One"}, "dup": {"PII"}},
	Keys: []string{"source/12", "project/3"},
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		// operators and how tightly they bind
		`name = 'a' AND ok OR NOT ok`:     `"name" = 'a' AND "ok" OR NOT "ok"`,
		`name = 'a' and (ok or not ok)`:   `"name" = 'a' AND ("ok" OR NOT "ok")`,
		`ok AND ok AND ok`:                `"ok" AND "ok" AND "ok"`,
		`(ok AND ok) AND ok`:              `("ok" AND "ok") AND "ok"`,
		`NOT NOT ok`:                      `NOT NOT "ok"`,
		`NOT (age = 1)`:                   `NOT "Age" = 1`,
		`age + 2 * 3 - -4 = 1`:            `sub(add("Age", mul(2, 3)), -4) = 1`,
		`-age <> +5`:                      `sub(0, "Age") <> 5`,
		`name || 'x' || 'y' != 'z'`:       `concat(concat("name", 'x'), 'y') <> 'z'`,
		`age BETWEEN 1 AND 2 AND ok`:      `"Age" BETWEEN 1 AND 2 AND "ok"`,
		`age NOT BETWEEN 1 AND 2`:         `NOT "Age" BETWEEN 1 AND 2`,
		`name IN ('a', 'b')`:              `"name" IN ('a', 'b')`,
		`name not in ('a')`:               `NOT "name" IN ('a')`,
		`name LIKE 'a!%%'`:                `"name" LIKE 'a!%%'`,
		`name IS NOT NULL`:                `NOT "name" IS NULL`,
		`(ok) IS NULL`:                    `"ok" IS NULL`,
		`1=1`:                             `1 = 1`,
		`true`:                            `TRUE`,
		`CASE WHEN ok THEN 1 END IS NULL`: `if("ok", 1, int NULL) IS NULL`,
		`CASE age WHEN 1 THEN 'a' ELSE name END = 'a'`: `if("Age" = 1, 'a', "name") = 'a'`,
		// literals
		`price = 1.50`:                                   `"price" = 1.50`,
		`price IN (1, 2.5)`:                              `"price" IN (1, 2.5)`,
		`if(ok, price, 5) > .5`:                          `if("ok", "price", decimal(10,2) '5.00') > 0.5`,
		`coalesce(price, NULL) = 0`:                      `coalesce("price", decimal(10,2) NULL) = 0`,
		`ratio < 0.1`:                                    `"ratio" < 1e-01`,
		`ratio BETWEEN 1 AND 2e3`:                        `"ratio" BETWEEN 1e+00 AND 2e+03`,
		`born >= DATE '2024-02-29'`:                      `"born" >= date '2024-02-29'`,
		`date = date '2024-02-29'`:                       `"date" = date '2024-02-29'`,
		`at < TIMESTAMP '2024-01-01 10:00:00.5'`:         `"at" < timestamp '2024-01-01T10:00:00.500000'`,
		`at < TIMESTAMP '2024-01-01'`:                    `"at" < timestamp '2024-01-01T00:00:00.000000'`,
		`seen < TIMESTAMPTZ '2024-01-01 10:00:00+02:00'`: `"seen" < timestamptz '2024-01-01T08:00:00.000000Z'`,
		`age = -9223372036854775808`:                     `"Age" = -9223372036854775808`,
		`age < 9223372036854775808`:                      `"Age" < 9223372036854775808`,
		`name = 'it''s'`:                                 `"name" = 'it''s'`,
		`name = 'it\'s'`:                                 `"name" = 'it''s'`,
		`name = 'it\'\'s'`:                               `"name" = 'it''s'`,
		`name = 'a\\b\.c\"d'`:                            `"name" = 'a\\b\\.c"d'`,
		`matches(name, '\.com$')`:                        `matches("name", '\\.com$')`,
		`name = text NULL || 'x'`:                        `"name" = concat(text NULL, 'x')`,
		`CAST(small AS int) = int8 '5'`:                  `CAST("small" AS int) = int8 '5'`,
		// columns
		`AGE = 1`:                 `"Age" = 1`,
		`DUP = 'a' AND dup = 'b'`: `"DUP" = 'a' AND "dup" = 'b'`,
		`"odd ""name""" = 'a'`:    `"odd ""name""" = 'a'`,
		`"select" = straße`:       `"select" = "straße"`,
		`code = 'ab'`:             `"code" = 'ab'`,
		// the subject
		`@attributeValuesContains('k', 'name')`:                            `@attributeValuesContains('k', "name")`,
		`@attributeValuesContains('k', @columnReference('Age'), '-')`:      `@attributeValuesContains('k', "Age", '-')`,
		`@attributevaluescontains('it\'\'s', lower(name) || 'x')`:          `@attributeValuesContains('it''s', concat(lower("name"), 'x'))`,
		`@attributeValuesContains('k', ('a'))`:                             `@attributeValuesContains('k', ('a'))`,
		`@groupsContains(@columnTagged('One')) OR @purposesContains(name)`: `@groupsContains("name") OR @purposesContains("name")`,
		`@hasAttribute('k', 'v') AND @isInGroups('A', 'B')`:                `@hasAttribute('k', 'v') AND (@isInGroups('A') AND @isInGroups('B'))`,
		`@isUsingPurpose('P.Q') AND @username = name AND @iam = 'bim'`:     `@isUsingPurpose('P.Q') AND @username = "name" AND @iam = 'bim'`,
		`seen > add_seconds(now(), -3600) AND born = today()`:              `"seen" > add_seconds(now(), -3600) AND "born" = today()`,
		`list_has(tags, name)`:                                             `list_has("tags", "name")`,
		`hash(name, 16) = '0' AND sample(age, 500)`:                        `hash(@key('source/12'), "name", 16) = '0' AND sample(@key('source/12'), "Age", 500)`,
		`hash(@key('project/3'), name, 16) = '0'`:                          `hash(@key('project/3'), "name", 16) = '0'`,
		`keep_last(name, 2) = 'x'`:                                         `keep_last("name", 2, '*') = 'x'`,
		`doc IS NULL`:                                                      `"doc" IS NULL`,
		`(@columnTagged('One')) IN ('A','B')`:                              `"name" IN ('A', 'B')`,
	} {
		n, err := Parse(src, scope)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := Print(n); got != want {
			t.Errorf("%s\nis read as %s\nwant       %s", src, got, want)
		}
		if again, err := Parse(want, scope); err != nil || Print(again) != want {
			t.Errorf("%s does not read back: %v", want, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		src          string
		line, column int
		says         string
	}{
		{``, 1, 1, "a value is expected, not the end"},
		{`name = `, 1, 8, "a value is expected"},
		{"ok AND\n  nme = 'a'", 2, 3, `there is no column "nme"`},
		{"ok AND\n\t'é' = 7", 2, 6, "text cannot be compared with int"},
		{`name = 7`, 1, 6, "without quotes"},
		{`age = '007'`, 1, 5, "types are never mixed"},
		{`born = '2024-01-01'`, 1, 6, "write DATE"},
		{`at = seen`, 1, 4, "timestamp cannot be compared with timestamptz"},
		{`born = at`, 1, 6, "types are never mixed"},
		{`name = NULL`, 1, 6, "write IS NULL"},
		{`age IN (1, NULL)`, 1, 5, "NULL has no type here"},
		{`age IN ()`, 1, 5, "empty"},
		{`age IN (1, age)`, 1, 5, "must be a literal"},
		{`NULL`, 1, 1, "NULL has no type"},
		{`ratio = 1`, 1, 7, "floats have no equality"},
		{`ratio < age`, 1, 7, "float literal"},
		{`to_text(ratio) = 'a'`, 1, 1, "has no canonical text"},
		{`doc = doc`, 1, 5, "json cannot be compared"},
		{`zone = zone`, 1, 6, "cannot be compared"},
		{`ok < ok`, 1, 4, "has no order"},
		{`age / 2 = 1`, 1, 5, "write div"},
		{`age % 2 = 1`, 1, 5, "write mod"},
		{`div(age, 0) = 1`, 1, 1, "must be 1 to"},
		{`name::int = 1`, 1, 5, "CAST(x AS type)"},
		{`CAST(name AS int) = 1`, 1, 1, "a cast keeps the kind"},
		{`a.b = 1`, 1, 2, "without their table"},
		{`Dup = 'a'`, 1, 1, "2 columns are named"},
		{`"AGE" = 1`, 1, 1, "single quotes"},
		{`select = 'a'`, 1, 1, "is not expected here"},
		{`(SELECT 1)`, 1, 2, "is not expected here"},
		{`sleep(5)`, 1, 1, `there is no function "sleep"`},
		{`name = 'open`, 1, 8, "not closed"},
		{`"open`, 1, 1, "not closed"},
		{`name = 'a' -- b`, 1, 12, "comments"},
		{`name ~ 'a'`, 1, 6, "not expected"},
		{`name = 'a'; drop`, 1, 11, "not expected"},
		{`ok ok`, 1, 4, "ok is not expected here"},
		{`age = 1 = ok`, 1, 9, "= is not expected here"},
		{`12abc = 1`, 1, 1, "not closed"},
		{`age = 1.2.3`, 1, 7, "not closed"},
		{`age = 1e999`, 1, 7, "out of range"},
		{`price = ` + strings.Repeat("9", 39), 1, 9, "38 digits"},
		{`born = DATE '2023-02-29'`, 1, 13, "write YYYY-MM-DD"},
		{`small = int8 '200'`, 1, 14, "is not a int8"},
		{`name LIKE 'a!'`, 1, 6, "! must be followed"},
		{`name LIKE name`, 1, 6, "must be a text literal"},
		{`name LIKE 'a' ESCAPE 'x'`, 1, 15, "always !"},
		{`matches(name, 'a|b')`, 1, 1, "alternation"},
		{`regex_replace(name, 'a*', '')`, 1, 1, "must not match the empty text"},
		{`lpad(name, 3, 'ab') = 'x'`, 1, 1, "one character"},
		{`replace(name, '', 'x') = 'x'`, 1, 1, "must not be empty"},
		{`lower(age) = 'x'`, 1, 1, "must be text"},
		{`lower(name, name) = 'x'`, 1, 1, "takes one argument"},
		{`coalesce(name, age) = 'x'`, 1, 1, "cannot be alternatives"},
		{`hash(@key('source/13'), name, 16) = '0'`, 1, 6, "there is no key"},
		{`lower(@key('source/12')) = '0'`, 1, 1, "must be text"},
		{`@key('source/12') IS NULL`, 1, 19, "a key is not a value"},
		{`@columnTagged('None') = 'a'`, 1, 1, "no column is tagged"},
		{`ok OR @columnTagged('PII') = 'a'`, 1, 7, "2 columns are tagged"},
		{`@nothing('a')`, 1, 1, "@nothing is not known"},
		{`@hasTagAsGroup('column')`, 1, 1, "is not known here"},
		{`@database = 'x'`, 1, 1, "@database is not known"},
		{`@hasAttribute('k')`, 1, 1, "does not take 1"},
		{`@hasAttribute('k', name)`, 1, 20, "a 'text' is expected"},
		{`@isInGroups('')`, 1, 1, "is empty"},
		{`@attributeValuesContains('k', ratio)`, 1, 1, "has no canonical text"},
		{`@attributeValuesContains('k', 'nme')`, 1, 31, "there is no column"},
		{`@purposesContains(name, 'x')`, 1, 1, "no placeholder"},
		{strings.Repeat("(", 200) + "ok", 1, 101, "nested deeper"},
		{strings.Repeat("NOT ", 200) + "ok", 1, 401, "nested deeper"},
		{"age = " + "-" + strings.Repeat(" -", 200) + "age", 1, 207, "nested deeper"},
		{"age = 1" + strings.Repeat("+1", 200), 1, 200, "nested deeper"},
		{"age IN (1" + strings.Repeat(",1", MaxList) + ")", 1, 20010, "longer than"},
		{strings.Repeat(" ", MaxText+1), 1, 1, "longer than"},
		{"name = '\xff'", 1, 1, "not valid UTF-8"},
	} {
		n, err := Parse(c.src, scope)
		var syntax *SyntaxError
		short := c.src[:min(len(c.src), 60)]
		switch {
		case !errors.As(err, &syntax):
			t.Errorf("%s was read as %v, %v", short, n, err)
		case !strings.Contains(syntax.Msg, c.says):
			t.Errorf("%s: %q does not say %q", short, syntax.Msg, c.says)
		case syntax.Line != c.line || syntax.Column != c.column:
			t.Errorf("%s: %v is not at line %d, column %d", short, syntax, c.line, c.column)
		}
	}
}

func TestDeepestExpressionsReadBack(t *testing.T) {
	read, refused := 0, 0
	for n := 80; n < 110; n++ {
		for _, src := range []string{
			"age = 1" + strings.Repeat(" + age", n),
			"case" + strings.Repeat(" when ok then 1", n) + " else age end = 1",
			strings.Repeat("lower(", n) + "name" + strings.Repeat(")", n) + " = ''",
			strings.Repeat("not (ok or ", n/2) + "ok" + strings.Repeat(")", n/2),
			strings.Repeat("(ok is null) is null or (", n/3) + "ok" + strings.Repeat(")", n/3),
			"age = " + strings.Repeat("- ", n) + "age",
			strings.Repeat("@groupsContains(to_text(", n/2) + "name" + strings.Repeat("))", n/2),
		} {
			node, err := Parse(src, scope)
			if err != nil {
				refused++
				continue
			}
			read++
			text := Print(node)
			if again, err := Parse(text, scope); err != nil || Print(again) != text {
				t.Fatalf("%s does not read back: %v", text, err)
			}
		}
	}
	if read < 50 || refused < 10 {
		t.Errorf("%d read, %d refused", read, refused)
	}
}

func TestUntaggedColumnIsRecognised(t *testing.T) {
	_, err := Parse(`ok AND @columnTagged('Gone') = 'a'`, scope)
	var untagged *UntaggedError
	if !errors.As(err, &untagged) || untagged.Tag != "Gone" {
		t.Errorf("%v is no UntaggedError", err)
	}
	if _, err := Parse(`ok AND @columnTagged('PII') = 'a'`, scope); errors.As(err, &untagged) && untagged.Tag == "PII" {
		t.Error("several columns are taken for none")
	}
}

func TestParseSubscription(t *testing.T) {
	facts := SourceFacts{Hostname: "h", Database: "db", Schema: "s", Table: "t", Tags: []string{"Finance", "EU"}, ColumnTags: []string{"PII"}}
	for src, want := range map[string]string{
		`@isInGroups('Engineers') AND @hasAttribute('Auth1','Super Secret')`: `@isInGroups('Engineers') AND @hasAttribute('Auth1', 'Super Secret')`,
		`@hasAttribute('access', '@hostname.@database')`:                     `@hasAttribute('access', 'h.db') OR @hasAttribute('access', 'h.*') OR @hasAttribute('access', '*')`,
		`@hasAttribute('mail', 'a@x.org')`:                                   `@hasAttribute('mail', 'a@x.org')`,
		`@hasTagAsAttribute('area', 'dataSource')`:                           `@hasAttribute('area', 'Finance') OR @hasAttribute('area', 'EU')`,
		`NOT @hasTagAsGroup('column') OR @schema = 's'`:                      `NOT @isInGroups('PII') OR 's' = 's'`,
	} {
		n, err := ParseSubscription(src, facts)
		if err != nil || Print(n) != want {
			t.Errorf("%s: %v, %v; want %s", src, n, err, want)
		}
	}
	if n, err := ParseSubscription(`@hasTagAsGroup('dataSource')`, SourceFacts{}); err != nil || Print(n) != "FALSE" {
		t.Errorf("no tags: %v, %v", n, err)
	}
	for _, src := range []string{`name = 'a'`, `'a'`, `@hasTagAsGroup('table')`, `@columnTagged('PII') = 'a'`, ``} {
		if n, err := ParseSubscription(src, facts); err == nil {
			t.Errorf("%s was read as %s", src, Print(n))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`name = 'it''s' AND NOT age IN (1,2)`, `@attributeValuesContains('k','name','p')`, `case when ok then 1.5 end > 1`, `hash(name,1)='0'`, "date '2024-01-01' = born", `if(ok,text(3) NULL,'x')=''`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		n, err := Parse(src, scope)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(src) {
				t.Fatalf("%v", err)
			}
			return
		}
		text := Print(n)
		again, err := Parse(text, scope)
		if err != nil || Print(again) != text {
			t.Fatalf("%q prints as %q, which reads as %v: %v", src, text, again, err)
		}
		b, err := EncodeJSON(n)
		if err != nil {
			t.Fatal(err)
		}
		if decoded, err := DecodeJSON(b); err != nil || Print(decoded) != text {
			t.Fatalf("%s: %v", b, err)
		}
		Print(Fold(n, &Facts{}))
	})
}
