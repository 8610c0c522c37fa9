package pushtest

import (
	"fmt"
	"strings"

	"stead/internal/decide"
	"stead/policy"
)

func (m *Worlds) changePolicy(d *decide.Delta) {
	id, exists := some(m, m.policies, 9)
	if exists && m.chance(15) {
		delete(m.policies, id)
		d.DeletedPolicies = append(d.DeletedPolicies, id)
		return
	}
	all, one := `{"type":"all"}`, `{"type":"dataSources","dataSources":["pg:s.`+m.name("t", 5)+`"]}`
	what, where := m.data(), m.one(all, one, one, `{"type":"columnTags","columnTag":"A.B"}`)
	if m.chance(40) {
		what, where = m.subscription(), m.one(all, all, all, one)
	}
	p, err := policy.Decode(fmt.Appendf(nil, `{"policyKey":"p%d","name":"n",%s,"circumstances":[%s]}`, id, what, where))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err))
	}
	p.ID = id
	m.policies[id] = p
	d.Policies = append(d.Policies, p)
}

// who is a condition on the subject as a document has it.
func (m *Worlds) who() string {
	var parts []string
	if m.chance(60) {
		parts = append(parts, fmt.Sprintf(`"groups":[%q]`, m.name("g", 4)))
	}
	if m.chance(30) {
		parts = append(parts, fmt.Sprintf(`"purposes":[%q]`, m.one("R", "R.O", "S")))
	}
	if m.chance(40) || len(parts) == 0 {
		parts = append(parts, fmt.Sprintf(`"attributes":[{"name":%q,"value":%q}]`, m.one("k", "j"), m.value()))
	}
	return fmt.Sprintf(`{"operator":%q,%s}`, m.one("any", "all"), strings.Join(parts, ","))
}

func (m *Worlds) subscription() string {
	open := `"type":"anyone","automaticSubscription":true`
	what := m.one(open, open, open, `"type":"anyone"`, `"type":"manual"`,
		`"type":"entitlements","automaticSubscription":true,"entitlements":`+m.who(), `"type":"entitlements","entitlements":`+m.who(),
		`"type":"entitlements","automaticSubscription":true,"advanced":"@isInGroups('g1') OR NOT @hasAttribute('k','a')"`,
		`"type":"entitlements","automaticSubscription":true,"advanced":"@username IN ('u1','u2') OR @isUsingPurpose('R') AND @hasAttribute('k','a@table')"`,
		`"type":"approval","approvals":[{"requiredPermission":"OWNER"}]`)
	return fmt.Sprintf(`"type":"subscription","actions":{%s,"shareResponsibility":%v,"accessGrant":%q}`, what, m.chance(93), m.one("READ", "WRITE"))
}

// asks are conditions that ask about the subject, beside rows and not.
func (m *Worlds) asks() string {
	return m.one("@attributeValuesContains('k','c0')", "@attributeValuesContains('j','c2','7')", "NOT @attributeValuesContains('k','c0','a')",
		"@groupsContains('c0')", "@purposesContains('c1') OR c2 > 5", "@isInGroups('g1') OR c2 = 7", "NOT @isInGroups('g1') AND c0 IS NOT NULL",
		"@username = 'u1' OR c0 = @username", "NOT @hasAttribute('k','a') OR c3 > 1.0", "NOT (@isUsingPurpose('R') AND @isInGroups('g0')) OR c2 < 0",
		"CASE WHEN @isInGroups('g2') THEN 7 ELSE 0 END = c2", "lower(@username) = c0 OR c2 = 0", "c4 < today()", "NOT (lower(@username) = 'u1')",
		"@attributeValuesContains('k', lower(c0), 'b') AND NOT @groupsContains('c5')", "TRUE", "FALSE", "nothere = 1", "c0 = 'a' OR c2 IS NULL",
		"starts_with(hash(c0, 8), '4') OR @isInGroups('g0','g1')", "(@isInGroups('g1') = (c2 > 0)) IS TRUE", "@iam = 'okta' OR c0 <> 'b'",
		"@attributeValuesContains('j','c3') OR @attributeValuesContains('k','c4')")
}

func (m *Worlds) rule(last bool, kind, config string) string {
	out := fmt.Sprintf(`{"type":%q`, kind)
	if !last {
		out += `,"inclusions":` + m.who()
	}
	if m.chance(40) {
		out += `,"exceptions":` + m.who()
	}
	return out + `,"config":` + config + `}`
}

func (m *Worlds) data() string {
	n := 1 + m.rnd.Intn(3)
	rows := m.chance(50)
	fields := m.one(`{"type":"columnTags","columnTag":"A"}`, `{"type":"columnName","columnName":"c0"}`, `{"type":"columnRegex","regex":"c[0-3]"}`,
		`{"type":"noTags"}`, `{"type":"columnName","columnName":"c6"}`)
	var rules []string
	for i := range n {
		switch {
		case rows && m.chance(50):
			rules = append(rules, m.rule(i == n-1, policy.RowByWhere, fmt.Sprintf(`{"predicate":%q}`, m.asks())))
		case rows:
			match := m.one(`{"type":"attribute","attribute":"k","column":"c0"}`, `{"type":"attribute","attribute":"j","column":"c2"}`,
				`{"type":"group","column":"c1"}`, `{"type":"purpose","column":"c0"}`, `{"type":"attribute","attribute":"k","column":"c3"},{"type":"attribute","attribute":"j","column":"c4"}`)
			rules = append(rules, m.rule(i == n-1, policy.RowByEntitlements, fmt.Sprintf(`{"operator":%q,"matches":[%s]}`, m.one("any", "all"), match)))
		default:
			mask := m.one(`{"type":"Null"}`, `{"type":"Constant","constant":"7"}`, `{"type":"Hash"}`, `{"type":"Hash","length":16}`, `{"type":"Partial","keepLast":1}`,
				`{"type":"Regex","regex":"[a-z]+","replacement":"#"}`, `{"type":"Rounding","bucketSize":"10"}`, `{"type":"Hash"}`)
			when := ""
			if m.chance(40) {
				when = fmt.Sprintf(`,"conditionalPredicate":%q`, m.asks())
			}
			rules = append(rules, m.rule(i == n-1, policy.Masking, fmt.Sprintf(`{"fields":[%s],"maskingConfig":%s%s}`, fields, mask, when)))
		}
	}
	return fmt.Sprintf(`"type":"data","actions":[{"rules":[%s]}]`, strings.Join(rules, ","))
}
