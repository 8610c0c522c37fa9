package decide

import (
	"strings"
	"testing"

	"stead"
)

func maskOn(fields, mask, more string) string {
	return `[{"rules":[{"type":"Masking"` + more + `,"config":{"fields":[` + fields + `],"maskingConfig":` + mask + `}}]}]`
}

func where(predicate, more string) string {
	return `{"type":"Row Restriction by Custom Where Clause"` + more + `,"config":{"predicate":"` + predicate + `"}}`
}

const (
	null     = `{"type":"Null"}`
	constant = `{"type":"Constant","constant":"X"}`
	hash     = `{"type":"Hash"}`
	byPII    = `{"type":"columnTags","columnTag":"PII"}`
	bySSN    = `{"type":"columnTags","columnTag":"PII.SSN"}`
	ssnName  = `{"type":"columnName","columnName":"ssn"}`
	ssnRegex = `{"type":"columnRegex","regex":"^S","caseInsensitive":true}`
	anyTag   = `{"type":"anyTag"}`
	noTags   = `{"type":"noTags"}`
	notAna   = `,"exceptions":{"groups":["special"]}`
)

// TestResolution asks in the name of ana, who is in the group special, holds department Sales and acts
// in no project. Each case lists the actions of data policies in order of creation.
func TestResolution(t *testing.T) {
	cases := []struct {
		name    string
		actions []string
		want    string
	}{
		{"nothing", nil, "always"},
		{"row rules are ANDed", []string{byDepartment, `[{"rules":[` + where("id > 5", "") + `]}]`}, `when "dept" IN ('Sales') AND "id" > 5`},
		{"actions of one policy are ANDed", []string{`[{"rules":[` + where("id > 5", "") + `]},{"rules":[` + where("id < 9", "") + `]}]`}, `when "id" > 5 AND "id" < 9`},
		{"an exception frees from a row rule", []string{`[{"rules":[` + where("FALSE", notAna) + `]}]`}, "always"},
		{"1=1 shows all rows", []string{`[{"rules":[` + where("1=1", "") + `]}]`}, "always"},
		{"NULL shows no row", []string{`[{"rules":[` + where("int NULL = 1", "") + `]}]`}, "never"},
		{"one never hides all", []string{`[{"rules":[` + where("FALSE", "") + `]}]`, byDepartment}, "never"},
		{"the first branch that includes applies", []string{`[{"rules":[` + where("id = 1", `,"inclusions":{"groups":["other"]}`) + `,` +
			where("id = 2", `,"inclusions":{"groups":["special"]}`) + `,` + where("FALSE", "") + `]}]`}, `when "id" = 2`},
		{"otherwise applies to the rest", []string{`[{"rules":[` + where("TRUE", `,"inclusions":{"groups":["other"]}`) + `,` + where("id = 3", "") + `]}]`}, `when "id" = 3`},
		{"a row rule on a missing column hides all", []string{`[{"rules":[` + where("nothere = 1", "") + `]}]`}, "never"},
		{"a row rule of another type hides all", []string{`[{"rules":[` + where("id = 'x'", "") + `]}]`}, "never"},
		{"a predicate that is no condition hides all", []string{`[{"rules":[` + where("id", "") + `]}]`}, "never"},
		{"an exception from a broken row rule still holds", []string{`[{"rules":[` + where("nothere = 1", notAna) + `]}]`}, "always"},
		{"@columnTagged of an absent tag is not applied", []string{`[{"rules":[` + where("@columnTagged('No') = 1", "") + `]}]`}, "always"},
		{"@columnTagged of several columns hides all", []string{`[{"rules":[` + where("@columnTagged('PII') = 'x'", "") + `]}]`}, "never"},
		{"a match on an absent tag hides all", []string{strings.ReplaceAll(byDepartment, `"Dept"`, `"No"`)}, "never"},
		{"a match of an attribute not held hides all", []string{strings.ReplaceAll(byDepartment, `"department"`, `"clearance"`)}, "never"},
		{"a match of groups", []string{strings.ReplaceAll(byDepartment, `"type":"attribute","attribute":"department"`, `"type":"group"`)}, `when "dept" IN ('All Identities', 'All Users', 'special')`},
		{"a match of purposes outside a project hides all", []string{strings.ReplaceAll(byDepartment, `"type":"attribute","attribute":"department"`, `"type":"purpose"`)}, `never`},
		{"any of two matches", []string{`[{"rules":[{"type":"Row Restriction by User Entitlements","config":{"operator":"any","matches":[{"type":"attribute","attribute":"department","column":"dept"},{"type":"attribute","attribute":"department","column":"name"}]}}]}]`},
			`when "dept" IN ('Sales') OR "name" IN ('Sales')`},
		{"a list of values", []string{`[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"column":{"type":"tag","name":"Dept"},"values":"'A','B'"}}]}]`}, `when "dept" IN ('A', 'B')`},
		{"an inverted list of values", []string{`[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"column":{"type":"column","name":"dept"},"values":"'A'","invert":true}}]}]`}, `when NOT "dept" IN ('A')`},
		{"a list that tries to end early hides all", []string{`[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"column":{"type":"column","name":"dept"},"values":"'A') OR (1=1"}}]}]`}, `never`},
		{"a tag covers what lies under it", []string{maskOn(byPII, null, "")}, "always; ssn null; name null"},
		{"the deepest tag wins", []string{maskOn(byPII, null, ""), maskOn(bySSN, constant, "")}, "always; ssn constant; name null"},
		{"the deepest tag wins whatever the order", []string{maskOn(bySSN, constant, ""), maskOn(byPII, null, "")}, "always; ssn constant; name null"},
		{"at one depth the first policy wins", []string{maskOn(bySSN, constant, ""), maskOn(bySSN, null, "")}, "always; ssn constant"},
		{"in one policy the first action wins", []string{maskOn(bySSN, constant, "")[:len(maskOn(bySSN, constant, ""))-1] + "," + maskOn(bySSN, null, "")[1:]}, "always; ssn constant"},
		{"the winner is chosen before its exceptions", []string{maskOn(bySSN, constant, notAna), maskOn(byPII, null, "")}, "always; name null"},
		{"a loser's exceptions do not matter", []string{maskOn(bySSN, constant, ""), maskOn(byPII, null, notAna)}, "always; ssn constant"},
		{"a name beats tags", []string{maskOn(bySSN, null, ""), maskOn(ssnName, constant, "")}, "always; ssn constant"},
		{"a tag beats a pattern", []string{maskOn(ssnRegex, null, ""), maskOn(byPII, hash, "")}, "always; ssn hash; name hash; salary null"},
		{"a pattern beats any tag", []string{maskOn(anyTag, null, ""), maskOn(ssnRegex, hash, "")}, "always; dept null; ssn hash; name null; salary null"},
		{"columns without tags", []string{maskOn(noTags, null, "")}, "always; id null; hired null"},
		{"a mask that does not fit shows NULL", []string{maskOn(`{"type":"columnName","columnName":"id"}`, hash, "")}, "always; id null"},
		{"a constant of another type shows NULL", []string{maskOn(`{"type":"columnName","columnName":"hired"}`, constant, "")}, "always; hired null"},
		{"a constant of the type", []string{maskOn(`{"type":"columnName","columnName":"hired"}`, `{"type":"Constant","constant":"2020-01-01"}`, "")}, "always; hired constant"},
		{"rounding of a number", []string{maskOn(`{"type":"columnTags","columnTag":"Money"}`, `{"type":"Rounding","bucketSize":"1000"}`, "")}, "always; salary rounding"},
		{"rounding of a date", []string{maskOn(`{"type":"columnName","columnName":"hired"}`, `{"type":"Rounding","timePrecision":"year"}`, "")}, "always; hired rounding"},
		{"rounding of a date to an hour shows NULL", []string{maskOn(`{"type":"columnName","columnName":"hired"}`, `{"type":"Rounding","timePrecision":"hour"}`, "")}, "always; hired null"},
		{"partial", []string{maskOn(ssnName, `{"type":"Partial","keepLast":4}`, "")}, "always; ssn partial"},
		{"regex", []string{maskOn(ssnName, `{"type":"Regex","regex":"[0-9]+","replacement":"#"}`, "")}, "always; ssn regex"},
		{"a chain of masks", []string{`[{"rules":[{"type":"Masking","inclusions":{"groups":["special"]},"config":{"fields":[` + bySSN + `],"maskingConfig":` + hash + `}},{"type":"Masking","config":{"fields":[` + bySSN + `],"maskingConfig":` + null + `}}]}]`}, "always; ssn hash"},
		{"otherwise of a chain of masks", []string{`[{"rules":[{"type":"Masking","inclusions":{"groups":["other"]},"config":{"fields":[` + bySSN + `],"maskingConfig":` + hash + `}},{"type":"Masking","config":{"fields":[` + bySSN + `],"maskingConfig":` + null + `}}]}]`}, "always; ssn null"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			ana := f.user("ana", stead.Attributes{"department": {"Sales"}})
			f.group("special", ana)
			f.hr()
			f.everyone()
			for i, a := range c.actions {
				f.data("p"+string(rune('0'+i)), a)
			}
			expect(t, read(t, f.world(), "ana"), c.want)
		})
	}
}

func conditional(predicate string) string {
	return `[{"rules":[{"type":"Masking","config":{"fields":[` + bySSN + `],"maskingConfig":` + null + `,"conditionalPredicate":"` + predicate + `"}}]}]`
}

func TestConditionalMasks(t *testing.T) {
	for predicate, want := range map[string]string{
		"id > 5":                     "always; ssn conditional null",
		"@isInGroups('special')":     "always; ssn conditional null",
		"NOT @isInGroups('special')": "always",
		"nothere = 1":                "always; ssn null",
		"@columnTagged('No') = 1":    "always",
	} {
		f := newFixture(t)
		ana := f.user("ana", nil)
		f.group("special", ana)
		f.hr()
		f.everyone()
		f.data("p", conditional(predicate))
		d := read(t, f.world(), "ana")
		expect(t, d, want)
	}
}

func TestStagedPoliciesAndTemplatesDoNothing(t *testing.T) {
	for _, flag := range []string{"staged", "template"} {
		f := newFixture(t)
		f.user("ana", nil)
		f.hr()
		f.everyone()
		p := f.data("p", maskOn(byPII, null, ""))
		p.Staged, p.Template = flag == "staged", flag == "template"
		q := f.access("q", `{"type":"manual"}`)
		q.Staged, q.Template = p.Staged, p.Template
		w := f.world()
		expect(t, read(t, w, "ana"), "always")
		enforced := *p
		enforced.Staged, enforced.Template = false, false
		w = w.With(Delta{Revision: 2, Policies: append(f.delta.Policies[:0:0], &enforced)})
		expect(t, read(t, w, "ana"), "always; ssn null; name null")
	}
}

func TestInvalidPolicyRefusesWhatItCouldMean(t *testing.T) {
	for _, c := range []struct{ circumstance, want string }{
		{`{"type":"all"}`, "denied denied"},
		{`{"type":"tags","tag":"Other"}`, "always"},
		{`{"type":"moon"}`, "denied denied"},
	} {
		f := newFixture(t)
		f.user("ana", nil)
		f.hr()
		f.everyone()
		p := f.policy(`{"policyKey":"p","name":"n","type":"data","circumstances":[` + c.circumstance + `],"actions":` + maskOn(byPII, null, "") + `}`)
		p.Data[0].Rules[0].Config.MaskingConfig.Type = "Scramble"
		w := f.world()
		expect(t, read(t, w, "ana"), c.want)
		expect(t, read(t, w.With(Delta{Revision: 2, DeletedPolicies: []int64{p.ID}}), "ana"), "always")
	}
}

func TestCircumstances(t *testing.T) {
	for _, c := range []struct {
		circumstances, operator string
		applies                 bool
	}{
		{`[{"type":"all"}]`, "", true},
		{`[{"type":"tags","tag":"HR"}]`, "", true},
		{`[{"type":"tags","tag":"HR.Staff"}]`, "", true},
		{`[{"type":"tags","tag":"HR.Staff.Old"}]`, "", false},
		{`[{"type":"tags","tag":"H"}]`, "", false},
		{`[{"type":"tags","tag":"PII"}]`, "", false},
		{`[{"type":"columnTags","columnTag":"PII"}]`, "", true},
		{`[{"type":"columnTags","columnTag":"HR"}]`, "", false},
		{`[{"type":"columnName","columnName":"ssn"}]`, "", true},
		{`[{"type":"columnName","columnName":"SSN"}]`, "", false},
		{`[{"type":"columnRegex","regex":"^ss"}]`, "", true},
		{`[{"type":"columnRegex","regex":"^SS"}]`, "", false},
		{`[{"type":"columnRegex","regex":"^SS","caseInsensitive":true}]`, "", true},
		{`[{"type":"anyTag"}]`, "", true},
		{`[{"type":"noTags"}]`, "", false},
		{`[{"type":"dataSources","dataSources":["lake:demo.hr"]}]`, "", true},
		{`[{"type":"dataSources","dataSources":["sea:demo.hr"]}]`, "", false},
		{`[{"type":"noTags"},{"type":"tags","tag":"HR"}]`, "any", true},
		{`[{"type":"noTags"},{"type":"tags","tag":"HR"}]`, "all", false},
		{`[{"type":"anyTag"},{"type":"tags","tag":"HR"}]`, "all", true},
	} {
		f := newFixture(t)
		f.user("ana", nil)
		f.hr().Tags = []stead.Tag{"HR.Staff"}
		operator := ""
		if c.operator != "" {
			operator = `"circumstanceOperator":"` + c.operator + `",`
		}
		f.policy(`{"policyKey":"p","name":"n","type":"subscription",` + operator + `"circumstances":` + c.circumstances +
			`,"actions":{"type":"anyone","automaticSubscription":true}}`)
		if got := read(t, f.world(), "ana").Verdict == stead.Allow; got != c.applies {
			t.Errorf("%s %s: applies %v", c.circumstances, c.operator, got)
		}
	}
}
