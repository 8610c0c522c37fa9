package expr

import "testing"

func TestCheckSyntax(t *testing.T) {
	for _, src := range []string{
		"dept = 'Sales'", "@columnTagged('A.B') IN ('x', 'y') AND NOT n > 5", "1=1", "true",
		"@attributeValuesContains('k', @columnReference('c'), 'p') OR @isInGroups('a', 'b')",
		"CASE WHEN a > 1 THEN b ELSE c END = 'x'", "lower(name) LIKE 'a%'", "hash(ssn, 8) = '01234567'",
		"a BETWEEN DATE '2024-01-01' AND today()", "x || 'y' = @username", "substr(a, 1, 2) IS NOT NULL",
	} {
		if err := CheckSyntax(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	for _, src := range []string{
		"", "1 =", "dept = ", "(a = 1", "nosuch(a) = 1", "a = 'x", "substr(a) = 'x'", "a = 1 b", "@nothing('x')", "a IN ()",
		"SELECT 1", "a = 1; b = 2",
	} {
		if CheckSyntax(src) == nil {
			t.Errorf("%q passed", src)
		}
	}
}
