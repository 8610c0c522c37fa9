package expr

import "testing"

func TestFold(t *testing.T) {
	facts := &Facts{UserName: "ana", Groups: []string{"hr"}, Attributes: map[string][]string{"k": {"b", "a", "b", "7", "007", "1.50"}}}
	for src, want := range map[string]string{
		`1 <= 1`: `TRUE`, `1 < 1`: `FALSE`, `1 >= 1.0`: `TRUE`, `1 > 1`: `FALSE`, `1 <> 1`: `FALSE`, `'a' < 'b'`: `TRUE`, `2 between 1 and 2`: `TRUE`,
		`ok and 1=1`: `"ok"`, `ok and 1=2`: `FALSE`, `ok or 1=1`: `TRUE`, `ok or 1=2`: `"ok"`, `ok and bool NULL`: `"ok" AND bool NULL`,
		`ok and (ok and ok)`: `"ok" AND "ok" AND "ok"`, `not not ok`: `"ok"`, `is_true(bool NULL)`: `FALSE`, `text NULL is null`: `TRUE`,
		`age = int NULL`: `bool NULL`, `same(age, int NULL)`: `"Age" IS NULL`, `same(int NULL, age)`: `"Age" IS NULL`, `age between int NULL and 2`: `"Age" <= 2 AND bool NULL`,
		`coalesce(name, text NULL)`: `"name"`, `coalesce('a', name)`: `'a'`, `nullif(name, text NULL)`: `"name"`, `lower(text NULL)`: `text NULL`,
		// the scale of a choice is part of its text
		`to_text(if(1=1, price, decimal(12,3) '1.000'))`: `to_text(CAST("price" AS decimal(12,3)))`,
		`to_text(coalesce(decimal(12,3) NULL, 1.5))`:     `to_text(decimal(12,3) '1.500')`,
		// a declared length is not relied on
		`cast(if(1=1, text(3) 'abc', name) as text(3))`: `CAST(text(3) 'abc' AS text(3))`, `cast(small as int8)`: `"small"`,
		`@attributeValuesContains('k', name)`: `"name" IN ('007', '1.50', '7', 'a', 'b')`, `@attributeValuesContains('k', age)`: `"Age" IN (7)`,
		`@attributeValuesContains('k', price)`: `"price" IN (decimal(10,2) '1.50')`, `@attributeValuesContains('k', born)`: `FALSE`,
		`@attributeValuesContains('none', name)`: `FALSE`, `@attributeValuesContains('none', name, 'x')`: `"name" IN ('x')`,
		`@isInGroups('hr') and @username = name`: `'ana' = "name"`, `not @isInGroups('x')`: `TRUE`,
	} {
		n, err := Parse(src, scope)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := Print(Fold(n, facts)); got != want {
			t.Errorf("%s folds to %s, want %s", src, got, want)
		}
	}
}

func TestChoicesThatDoNotFitAreRefused(t *testing.T) {
	wide, deep := Column{Name: "a", Typ: DecimalType(38, 0)}, Column{Name: "b", Typ: DecimalType(38, 2)}
	if c, err := NewCall(Coalesce, wide, deep); err == nil {
		t.Errorf("%s holds neither", c.Type())
	}
	if c, err := NewCall(Coalesce, Column{Name: "a", Typ: Type{Kind: JSON}}, TextLit("a")); err == nil {
		t.Errorf("json and text became %s", c.Type())
	}
}
