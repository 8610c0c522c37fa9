package push_test

import (
	"fmt"
	"strings"
	"testing"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/policy"
	"stead/policy/expr"
)

// compiled binds the actions of data policies, policy 1 first, to one table.
func compiled(t *testing.T, actions ...string) *push.Compiled {
	t.Helper()
	s := &stead.DataSource{ID: 7, Connection: "pg", Path: []string{"s", "t"}, State: stead.Active, Columns: []stead.Column{
		{Name: "a", Type: expr.TextType, Tags: []stead.Tag{"PII"}}, {Name: "b", Type: expr.TextType, Tags: []stead.Tag{"PII"}}, {Name: "n", Type: expr.IntType}}}
	d := decide.Delta{Revision: 1, Sources: []*stead.DataSource{s}}
	for i, a := range actions {
		p, err := policy.Decode(fmt.Appendf(nil, `{"policyKey":"p%d","name":"n","type":"data","circumstances":[{"type":"all"}],"actions":%s}`, i, a))
		if err != nil {
			t.Fatal(err)
		}
		p.ID = int64(i + 1)
		d.Policies = append(d.Policies, p)
	}
	o, ok := decide.New().With(d).Outline(s.Object())
	if !ok {
		t.Fatal("no outline")
	}
	return push.Compile(o, nil)
}

// text is an expression with slots as #1 and #1(column).
func text(n expr.Node) string {
	switch n := n.(type) {
	case expr.Subject:
		switch n.Fact {
		case expr.SlotHolds:
			return "#" + n.Key
		case expr.SlotContains:
			return "#" + n.Key + "(" + text(n.Arg) + ")"
		}
	case expr.Call:
		args := make([]string, len(n.Args))
		for i, a := range n.Args {
			args[i] = text(a)
		}
		return string(n.Func) + "(" + strings.Join(args, " ") + ")"
	case expr.Key:
		return n.ID
	}
	return expr.Print(n)
}

func where(predicate, more string) string {
	return fmt.Sprintf(`[{"rules":[{"type":"Row Restriction by Custom Where Clause"%s,"config":{"predicate":%q}}]}]`, more, predicate)
}

func mask(config, more string) string {
	return fmt.Sprintf(`[{"rules":[{"type":"Masking"%s,"config":{"fields":[{"type":"columnTags","columnTag":"PII"}],%s}}]}]`, more, config)
}

const (
	hashed  = `"maskingConfig":{"type":"Hash"}`
	exceptG = `,"exceptions":{"groups":["g"]}`
)

func TestExpressionsOfSources(t *testing.T) {
	for _, c := range []struct{ action, rows, a string }{
		{where("n > 5", ""), `gt("n" 5)`, `"a"`},
		{where("n > 5", exceptG), `or(#1 gt("n" 5))`, `"a"`},
		{where("@isInGroups('g','h') OR n > 5", ""), `or(#1 gt("n" 5))`, `"a"`},
		{where("NOT @isInGroups('g') AND @hasAttribute('k','v')", ""), `#1`, `"a"`},
		{where("@attributeValuesContains('k','a') AND @attributeValuesContains('k','b')", ""), `and(#1("a") #2("b"))`, `"a"`},
		{where("@attributeValuesContains('k','a','x') OR @username = b", ""), `or(#1("a") eq(@username "b"))`, `"a"`},
		{where("@username = 'ana'", ""), `#1`, `"a"`},
		{where("lower(@username) = 'ana'", ""), `eq(lower(@username) 'ana')`, `"a"`},
		{where("NOT (@isInGroups('g') AND today() > DATE '2026-01-01')", ""), `not(and(#1 gt(today() date '2026-01-01')))`, `"a"`},
		{where("TRUE", ""), "TRUE", `"a"`},
		{where("nothere = 1", exceptG), "#1", `"a"`},
		{mask(hashed, ""), "TRUE", `cast(hash(shared/7 "a" 64) text NULL)`},
		{mask(hashed, exceptG), "TRUE", `if(#1 "a" cast(hash(shared/7 "a" 64) text NULL))`},
		{mask(hashed+`,"conditionalPredicate":"hash(b, 64) = a"`, ""), "TRUE", `if(not(eq(hash(shared/7 "b" 64) "a")) "a" cast(hash(shared/7 "a" 64) text NULL))`},
		{mask(`"maskingConfig":{"type":"Null"},"conditionalPredicate":"@isInGroups('g') AND n > 5"`, ""), "TRUE", `if(not(and(#1 gt("n" 5))) "a" text NULL)`},
	} {
		got := compiled(t, c.action)
		if rows, a := text(got.Source.Rows), text(got.Source.Columns[0].Shown); rows != c.rows || a != c.a {
			t.Errorf("%s\ngot  %s; %s\nwant %s; %s", c.action, rows, a, c.rows, c.a)
		}
	}
}

// TestEditsThatMoveOnlyRows pairs actions: from one to the other no object changes, and rows do.
func TestEditsThatMoveOnlyRows(t *testing.T) {
	chain := func(who, than string) string {
		return strings.NewReplacer("WHO", who, "THAN", than).Replace(`[{"rules":[{"type":"Masking","inclusions":{"groups":["WHO"]},"config":{"fields":[{"type":"columnTags","columnTag":"PII"}],"maskingConfig":{"type":"Null"}}},
			{"type":"Masking","exceptions":{"groups":["THAN"]},"config":{"fields":[{"type":"columnTags","columnTag":"PII"}],"maskingConfig":{"type":"Hash"}}}]}]`)
	}
	matches := func(m string) string {
		return `[{"rules":[{"type":"Row Restriction by User Entitlements","config":{"matches":[` + m + `,"column":"a"}]}}]}]`
	}
	for _, c := range [][2]string{
		{where("n > 5", exceptG), where("n > 5", `,"exceptions":{"operator":"any","groups":["h"],"purposes":["R"],"attributes":[{"name":"k","value":"v"}]}`)},
		{where("@isInGroups('g') OR n = 1", ""), where("NOT @hasAttribute('k','v') OR n = 1", "")},
		{where("@attributeValuesContains('k','a')", ""), where("@attributeValuesContains('j','a','x')", "")},
		{where("@attributeValuesContains('k','a')", ""), where("@groupsContains('a')", "")},
		{matches(`{"type":"attribute","attribute":"k"`), matches(`{"type":"purpose"`)},
		{mask(hashed, exceptG), mask(hashed, `,"exceptions":{"purposes":["R"]}`)},
		{chain("g", "h"), chain("g", "g")}, // what happens to be asked twice keeps its numbers
		{chain("g", "g"), chain("i", "g")},
		{where("@username = 'ana'", ""), where("@username IN ('bo','eve')", "")},
	} {
		before, after := compiled(t, c[0], where("@isInGroups('z') OR n = 2", "")), compiled(t, c[1], where("@isInGroups('z') OR n = 2", ""))
		if before.Source.Digest != after.Source.Digest {
			t.Errorf("objects change from\n%s to\n%s\n%s; %s\n%s; %s", c[0], c[1], text(before.Source.Rows), text(before.Source.Columns[0].Shown),
				text(after.Source.Rows), text(after.Source.Columns[0].Shown))
		}
		if fmt.Sprint(before.Slots) == fmt.Sprint(after.Slots) {
			t.Errorf("nothing changes from %s to %s: %v", c[0], c[1], before.Slots)
		}
	}
}

func TestWhatChangesObjectsChangesTheDigest(t *testing.T) {
	seen := map[[32]byte]string{}
	for _, actions := range [][]string{nil, {where("n > 5", "")}, {where("n > 6", "")}, {where("n > 5", exceptG)}, {mask(hashed, "")}, {mask(hashed, exceptG)},
		{where("n > 5", ""), mask(hashed, "")}, {where("@attributeValuesContains('k','a')", "")}, {where("@attributeValuesContains('k','b')", "")},
		{where("@attributeValuesContains('k','a') AND @isInGroups('g')", "")}, {where("FALSE", "")}} {
		d := compiled(t, actions...).Source.Digest
		if other, ok := seen[d]; ok {
			t.Errorf("%v and %v have one digest", actions, other)
		}
		seen[d] = fmt.Sprint(actions)
	}
}

// TestColumnsOfOneActionShareSlots keeps look-ups few.
func TestColumnsOfOneActionShareSlots(t *testing.T) {
	c := compiled(t, mask(hashed, exceptG))
	if a, b := text(c.Source.Columns[0].Shown), text(c.Source.Columns[1].Shown); len(c.Slots) != 1 || b != strings.ReplaceAll(a, `"a"`, `"b"`) {
		t.Errorf("%v: %s and %s", c.Slots, a, b)
	}
}

func TestTextsThatNoPlatformHoldsRefuse(t *testing.T) {
	c := compiled(t, strings.ReplaceAll(where("@attributeValuesContains('k','a','NUL')", ""), "NUL", `\u0000`))
	if c.Source.Refused == "" || !policy.IsFalse(c.Source.Rows) || len(c.Slots) > 0 {
		t.Errorf("%+v", c.Source)
	}
}
