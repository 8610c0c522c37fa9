package policy

import (
	"fmt"
	"strings"
	"testing"

	"stead"
)

// data makes a data policy document of one rule.
func dataDoc(rule string) string {
	return `{"policyKey":"p","name":"P","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[` + rule + `]}]}`
}

func maskRule(config string) string {
	return dataDoc(`{"type":"Masking","config":{"fields":[{"type":"anyTag"}],"maskingConfig":` + config + `}}`)
}

func mustDecode(t *testing.T, doc string) *Policy {
	t.Helper()
	p, err := Decode([]byte(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return p
}

func subscriptionDoc(action string) string {
	return `{"policyKey":"p","name":"P","type":"subscription","circumstances":[{"type":"all"}],"actions":` + action + `}`
}

func TestValidateRefuses(t *testing.T) {
	const mask = "actions[0].rules[0].config.maskingConfig"
	cases := []struct {
		name, doc, path, says string
		code                  stead.Code
	}{
		{"no circumstances", `{"policyKey":"p","name":"P","type":"subscription","actions":{"type":"anyone"}}`, "circumstances", "is missing", stead.Invalid},
		{"empty exceptions", dataDoc(`{"type":"Masking","exceptions":{},"config":{"fields":[{"type":"anyTag"}],"maskingConfig":{"type":"Null"}}}`), "actions[0].rules[0].exceptions", "names nobody", stead.Invalid},
		{"empty inclusions", dataDoc(`{"type":"Masking","inclusions":{"groups":[]},"config":{"fields":[{"type":"anyTag"}],"maskingConfig":{"type":"Null"}}}`), "actions[0].rules[0].inclusions", "names nobody", stead.Invalid},
		{"empty entitlements", subscriptionDoc(`{"type":"entitlements","entitlements":{"operator":"all"}}`), "actions.entitlements", "names nobody", stead.Invalid},
		{"no entitlements", subscriptionDoc(`{"type":"entitlements"}`), "actions", "exactly one", stead.Invalid},
		{"both entitlements", subscriptionDoc(`{"type":"entitlements","entitlements":{"groups":["g"]},"advanced":"@isInGroups('g')"}`), "actions", "exactly one", stead.Invalid},
		{"bad advanced", subscriptionDoc(`{"type":"entitlements","advanced":"@isInGroups("}`), "actions.advanced", "", stead.Invalid},
		{"unknown subscription", subscriptionDoc(`{"type":"everyone"}`), "actions.type", "not known", stead.Invalid},
		{"guardrail", subscriptionDoc(`{"type":"guardrail"}`), "actions.type", "not offered", stead.Unsupported},
		{"entitlements of anyone", subscriptionDoc(`{"type":"anyone","entitlements":{"groups":["g"]}}`), "actions.entitlements", "does not belong", stead.Invalid},
		{"approval without approvers", subscriptionDoc(`{"type":"approval"}`), "actions.approvals", "is missing", stead.Invalid},
		{"unknown approver", subscriptionDoc(`{"type":"approval","approvals":[{"requiredPermission":"ROOT"}]}`), "actions.approvals[0].requiredPermission", "not a permission", stead.Invalid},
		{"unknown grant", subscriptionDoc(`{"type":"anyone","accessGrant":"ALL"}`), "actions.accessGrant", "must be", stead.Invalid},
		{"minimization", dataDoc(`{"type":"Minimization","config":{"percent":10}}`), "actions[0].rules[0].type", "not offered", stead.Unsupported},
		{"time", dataDoc(`{"type":"Time Restriction","config":{"time":1,"unit":"days"}}`), "actions[0].rules[0].type", "not offered", stead.Unsupported},
		{"purpose", dataDoc(`{"type":"Purpose Restriction","config":{"purposes":["a"]}}`), "actions[0].rules[0].type", "not offered", stead.Unsupported},
		{"unknown rule", dataDoc(`{"type":"masking","config":{}}`), "actions[0].rules[0].type", "not known", stead.Invalid},
		{"reversible", maskRule(`{"type":"Reversible","metadata":{}}`), mask + ".type", "not offered", stead.Unsupported},
		{"custom function", maskRule(`{"type":"Custom Function","sqlFunction":"f(@column)"}`), mask + ".type", "not offered", stead.Unsupported},
		{"unknown mask", maskRule(`{"type":"null"}`), mask + ".type", "not known", stead.Invalid},
		{"member of another mask", maskRule(`{"type":"Null","constant":"x"}`), mask + ".constant", "does not belong", stead.Invalid},
		{"constant without one", maskRule(`{"type":"Constant"}`), mask + ".constant", "is missing", stead.Invalid},
		{"hash too long", maskRule(`{"type":"Hash","length":65}`), mask + ".length", "1 to 64", stead.Invalid},
		{"hash negative", maskRule(`{"type":"Hash","length":-1}`), mask + ".length", "1 to 64", stead.Invalid},
		{"regex alternation", maskRule(`{"type":"Regex","regex":"a|b"}`), mask + ".regex", "portable", stead.Invalid},
		{"regex missing", maskRule(`{"type":"Regex","replacement":"x"}`), mask + ".regex", "is missing", stead.Invalid},
		{"rounding nothing", maskRule(`{"type":"Rounding"}`), mask, "exactly one", stead.Invalid},
		{"rounding two", maskRule(`{"type":"Rounding","bucketSize":"5","places":1}`), mask, "exactly one", stead.Invalid},
		{"rounding zero", maskRule(`{"type":"Rounding","bucketSize":"0"}`), mask + ".bucketSize", "above 0", stead.Invalid},
		{"rounding infinite", maskRule(`{"type":"Rounding","bucketSize":"Inf"}`), mask + ".bucketSize", "above 0", stead.Invalid},
		{"rounding unit", maskRule(`{"type":"Rounding","timePrecision":"fortnight"}`), mask + ".timePrecision", "", stead.Invalid},
		{"partial both", maskRule(`{"type":"Partial","keepFirst":1,"keepLast":1}`), mask, "exactly one", stead.Invalid},
		{"partial negative", maskRule(`{"type":"Partial","keepFirst":-1}`), mask + ".keepFirst", "0 to", stead.Invalid},
		{"partial character", maskRule(`{"type":"Partial","keepFirst":1,"character":"ab"}`), mask + ".character", "one character", stead.Invalid},
		{"no mask", dataDoc(`{"type":"Masking","config":{"fields":[{"type":"anyTag"}]}}`), mask, "is missing", stead.Invalid},
		{"no fields", dataDoc(`{"type":"Masking","config":{"maskingConfig":{"type":"Null"}}}`), "actions[0].rules[0].config.fields", "is missing", stead.Invalid},
		{"bad field regex", dataDoc(`{"type":"Masking","config":{"fields":[{"type":"columnRegex","regex":"("}],"maskingConfig":{"type":"Null"}}}`), "actions[0].rules[0].config.fields[0].regex", "regular expression", stead.Invalid},
		{"no matches", dataDoc(`{"type":"Row Restriction by User Entitlements","config":{}}`), "actions[0].rules[0].config.matches", "is missing", stead.Invalid},
		{"match without column", dataDoc(`{"type":"Row Restriction by User Entitlements","config":{"matches":[{"type":"group"}]}}`), "actions[0].rules[0].config.matches[0]", "exactly one", stead.Invalid},
		{"match without attribute", dataDoc(`{"type":"Row Restriction by User Entitlements","config":{"matches":[{"type":"attribute","column":"c"}]}}`), "actions[0].rules[0].config.matches[0].attribute", "is missing", stead.Invalid},
		{"where without anything", dataDoc(`{"type":"Row Restriction by Custom Where Clause","config":{}}`), "actions[0].rules[0].config", "needs a predicate", stead.Invalid},
		{"where that is no expression", dataDoc(`{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"dept ="}}`), "actions[0].rules[0].config.predicate", "a value is expected", stead.Invalid},
		{"condition with an unknown function", dataDoc(`{"type":"Masking","config":{"fields":[{"type":"anyTag"}],"maskingConfig":{"type":"Null"},"conditionalPredicate":"nosuch(a) = 1"}}`), "actions[0].rules[0].config.conditionalPredicate", "no function", stead.Invalid},
		{"invert alone", dataDoc(`{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"TRUE","invert":true}}`), "actions[0].rules[0].config.invert", "belongs to", stead.Invalid},
		{"unreachable rule", dataDoc(`{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"TRUE"}},{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"FALSE"}}`), "actions[0].rules[0]", "never apply", stead.Invalid},
		{"open chain", dataDoc(`{"type":"Row Restriction by Custom Where Clause","inclusions":{"groups":["g"]},"config":{"predicate":"TRUE"}}`), "actions[0].rules[0]", "leaves open", stead.Invalid},
		{"mixed chain", dataDoc(`{"type":"Row Restriction by Custom Where Clause","inclusions":{"groups":["g"]},"config":{"predicate":"TRUE"}},{"type":"Masking","config":{"fields":[{"type":"anyTag"}],"maskingConfig":{"type":"Null"}}}`), "actions[0].rules[1].type", "cannot be mixed", stead.Invalid},
		{"fields of a chain", dataDoc(`{"type":"Masking","inclusions":{"groups":["g"]},"config":{"fields":[{"type":"anyTag"}],"maskingConfig":{"type":"Null"}}},{"type":"Masking","config":{"fields":[{"type":"noTags"}],"maskingConfig":{"type":"Null"}}}`), "actions[0].rules[1].config.fields", "the same", stead.Invalid},
		{"no actions", `{"policyKey":"p","name":"P","type":"data","circumstances":[{"type":"all"}],"actions":[]}`, "actions", "at least one", stead.Invalid},
		{"domains", `{"policyKey":"p","name":"P","type":"subscription","circumstances":[{"type":"domains","domains":[{"name":"x"}]}],"actions":{"type":"anyone"}}`, "circumstances[0].type", "not offered", stead.Unsupported},
		{"circumstance without tag", `{"policyKey":"p","name":"P","type":"subscription","circumstances":[{"type":"tags"}],"actions":{"type":"anyone"}}`, "circumstances[0].tag", "is missing", stead.Invalid},
		{"restricted to nobody", `{"policyKey":"p","name":"P","type":"subscription","circumstances":[{"type":"all"}],"ownerRestrictions":{},"actions":{"type":"anyone"}}`, "ownerRestrictions", "names nobody", stead.Invalid},
		{"operator", `{"policyKey":"p","name":"P","type":"subscription","circumstances":[{"type":"all"}],"circumstanceOperator":"ANY","actions":{"type":"anyone"}}`, "circumstanceOperator", "must be", stead.Invalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			problems := Validate(mustDecode(t, c.doc))
			for _, p := range problems {
				if p.Place.Path == c.path && strings.Contains(p.Message, c.says) && p.Code == c.code {
					return
				}
			}
			t.Fatalf("wanted %q at %s, got %v", c.says, c.path, problems)
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	docs := []string{rowRule, subscription}
	for _, m := range []string{`{"type":"Null"}`, `{"type":"Constant","constant":""}`, `{"type":"Hash"}`, `{"type":"Hash","length":16}`,
		`{"type":"Regex","regex":"^[^@]+","replacement":"***"}`, `{"type":"Rounding","bucketSize":"10000"}`, `{"type":"Rounding","places":0}`,
		`{"type":"Rounding","timePrecision":"month"}`, `{"type":"Partial","keepLast":4}`, `{"type":"Partial","keepFirst":0,"character":"•"}`} {
		docs = append(docs, maskRule(m))
	}
	for _, a := range []string{`{"type":"anyone","automaticSubscription":false}`, `{"type":"manual"}`,
		`{"type":"approval","approvals":[{"requiredPermission":"OWNER","specificApproverRequired":false}]}`,
		`{"type":"entitlements","advanced":"@isInGroups('Engineers') AND @hasAttribute('Auth1','Super Secret')","accessGrant":"WRITE"}`} {
		docs = append(docs, subscriptionDoc(a))
	}
	for i, doc := range docs {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if problems := Validate(mustDecode(t, doc)); len(problems) > 0 {
				t.Fatalf("%s: %v", doc, problems)
			}
		})
	}
}
