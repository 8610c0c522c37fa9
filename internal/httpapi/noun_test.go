package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"stead"
	"stead/internal/govern"
	"stead/policy/expr"
)

func items(a answer) []any { list, _ := a.json["items"].([]any); return list }

func TestPeople(t *testing.T) {
	w := newWorld(t)
	a := w.must(w.admin, "PUT", "/v1/identities/Ana@Example.com?dryRun=true", `{"kind":"user"}`)
	if a.json["op"] != "create" || a.json["dryRun"] != true || w.do(w.admin, "GET", "/v1/identities/ana@example.com", "").status != 404 {
		t.Errorf("dry run: %s", a.text)
	}
	w.must(w.admin, "PUT", "/v1/identities/Ana@Example.com", `{"kind":"user"}`)
	got := w.must(w.admin, "GET", "/v1/identities/ANA@example.com", "")
	if got.json["name"] != "ana@example.com" || got.header.Get("ETag") == "" {
		t.Errorf("%s %v", got.text, got.header)
	}
	a = w.must(w.admin, "PUT", "/v1/identities/ana@example.com/attributes", `{"department":["Finance","it's \"odd\"\n"]}`)
	if len(a.json["widens"].([]any)) != 2 {
		t.Errorf("widens: %s", a.text)
	}
	if a := w.do(w.admin, "PUT", "/v1/identities/ana@example.com/permissions", `["AUDIT"]`, "If-Match", got.header.Get("ETag")); a.status != 412 {
		t.Errorf("a change from an old version: %d %s", a.status, a.text)
	}
	if a := w.do(w.admin, "DELETE", "/v1/identities/ana@example.com", "", "If-Match", got.header.Get("ETag")); a.status != 412 {
		t.Errorf("a deletion from an old version: %d %s", a.status, a.text)
	}
	w.must(w.admin, "PUT", "/v1/identities/ana@example.com/permissions", `["AUDIT"]`)
	key := w.must(w.admin, "POST", "/v1/identities/ana@example.com/keys", `{"name":"laptop"}`)
	secret := key.json["secret"].(string)
	if a := w.must(secret, "GET", "/v1/whoami", ""); a.json["name"] != "ana@example.com" || a.json["permissions"] == nil {
		t.Errorf("whoami: %s", a.text)
	}
	if a := w.must(w.admin, "GET", "/v1/identities/ana@example.com/keys", ""); len(items(a)) != 1 || strings.Contains(a.text, "secret") || strings.Contains(a.text, "hash") {
		t.Errorf("keys: %s", a.text)
	}
	w.must(w.admin, "DELETE", "/v1/identities/ana@example.com/keys/laptop", "")
	if a := w.do(secret, "GET", "/v1/whoami", ""); a.status != 401 {
		t.Errorf("a revoked key: %d %s", a.status, a.text)
	}
	w.must(w.admin, "PUT", "/v1/groups/analysts", `{"members":[{"type":"user","name":"ana@example.com"}]}`)
	w.must(w.admin, "PUT", "/v1/groups/everybody", `{"members":[{"type":"group","name":"analysts"}]}`)
	if a := w.do(w.admin, "PUT", "/v1/groups/analysts/members", `[{"type":"group","name":"everybody"}]`); a.status != 422 || !strings.Contains(a.text, "member of itself") {
		t.Errorf("a cycle: %d %s", a.status, a.text)
	}
	w.must(w.admin, "DELETE", "/v1/identities/ana@example.com", "")
	if a := w.must(w.admin, "GET", "/v1/groups/analysts", ""); strings.Contains(a.text, "ana@") {
		t.Errorf("a deleted member stays: %s", a.text)
	}
	if a := w.do(w.admin, "DELETE", "/v1/identities/admin", ""); a.status != 409 {
		t.Errorf("the last administrator: %d %s", a.status, a.text)
	}
}

func TestADisabledIdentityIsSignedOut(t *testing.T) {
	w := company(t)
	ana := w.key("ana")
	w.must(ana, "GET", "/v1/whoami", "")
	w.must(w.admin, "PUT", "/v1/identities/ana/state", `{"disabled":true}`)
	if a := w.do(ana, "GET", "/v1/whoami", ""); a.status != 401 {
		t.Errorf("%d %s", a.status, a.text)
	}
	w.must(w.admin, "PUT", "/v1/identities/ana/state", `{"disabled":false}`)
	w.must(ana, "GET", "/v1/whoami", "")
}

func TestWhoMayNotSeesNothing(t *testing.T) {
	w := company(t)
	ben := w.key("ben")
	for path, want := range map[string]int{
		"/v1/identities": 1, "/v1/groups": 0, "/v1/connections": 0, "/v1/datasources": 0, "/v1/policies": 0, "/v1/projects": 0,
		"/v1/settings": 0, "/v1/subscriptions": 0,
	} {
		if a := w.must(ben, "GET", path, ""); len(items(a)) != want {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	for _, pair := range [][2]string{
		{"/v1/identities/ana", "/v1/identities/nobody"}, {"/v1/policies/hr-rows", "/v1/policies/none"},
		{"/v1/datasources/demo/hr.people", "/v1/datasources/demo/hr.nothing"}, {"/v1/connections/demo", "/v1/connections/none"},
	} {
		x, y := w.do(ben, "GET", pair[0], ""), w.do(ben, "GET", pair[1], "")
		if x.status != 404 || x.status != y.status || x.json["detail"] != y.json["detail"] || x.json["hint"] != y.json["hint"] {
			t.Errorf("%v differ: %s %s", pair, x.text, y.text)
		}
	}
	for _, c := range [][3]string{
		{"PUT", "/v1/identities/eve", `{"kind":"user"}`}, {"PUT", "/v1/identities/ben/permissions", `["AUDIT"]`},
		{"DELETE", "/v1/policies/hr-rows", ""}, {"PUT", "/v1/settings/impersonation.administrators", `{"value":"true"}`},
		{"POST", "/v1/identities/ana/keys", `{"name":"x"}`}, {"GET", "/v1/audit/records", ""}, {"GET", "/v1/audit/export", ""},
		{"POST", "/v1/audit/verify", `{}`}, {"POST", "/v1/connections/demo/crawl", ""}, {"PUT", "/v1/datasources/demo/hr.people/tags", `{"tags":[]}`},
		{"PUT", "/v1/connections/demo", `{"platform":"embedded","address":"/"}`},
	} {
		if a := w.do(ben, c[0], c[1], c[2]); a.status != 403 {
			t.Errorf("%s %s: %d %s", c[0], c[1], a.status, a.text)
		}
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.must(w.admin, "PUT", fmt.Sprintf("/v1/identities/u%d", i), `{"kind":"user"}`)
	}
	var names []string
	for next, rounds := "", 0; ; rounds++ {
		a := w.must(w.admin, "GET", "/v1/identities?limit=2"+next, "")
		for _, i := range items(a) {
			names = append(names, i.(map[string]any)["name"].(string))
		}
		if a.json["next"] == nil {
			break
		}
		if rounds > 10 {
			t.Fatal("the list has no end")
		}
		next = fmt.Sprintf("&after=%v", a.json["next"])
	}
	if fmt.Sprint(names) != "[admin u0 u1 u2 u3 u4]" {
		t.Errorf("%v", names)
	}
	if a := w.do(w.admin, "GET", "/v1/identities?limit=0", ""); a.status != 422 {
		t.Errorf("limit 0: %d", a.status)
	}
}

func TestCrawlAndLook(t *testing.T) {
	w := company(t)
	w.crawled = []govern.Discovered{
		{Path: []string{"hr", "people"}, Columns: []stead.Column{{Name: "id", Type: expr.Type{Kind: expr.Int}}, {Name: "ssn", Type: expr.Type{Kind: expr.Text}}}},
		{Path: []string{"hr", "broken"}, Problem: "its files have different columns"},
	}
	a := w.must(w.admin, "POST", "/v1/connections/demo/crawl", "")
	if len(items(a)) != 2 || items(a)[1].(map[string]any)["status"] != "changed" || items(a)[0].(map[string]any)["status"] != "unreadable" {
		t.Errorf("crawl: %s", a.text)
	}
	w.must(w.admin, "PUT", "/v1/datasources/demo/hr.people/state", `{"state":"drifted","reason":"a column is gone"}`)
	a = w.must(w.admin, "POST", "/v1/datasources/demo/hr.people/look", "")
	if a.json["op"] != "update" {
		t.Errorf("look: %s", a.text)
	}
	a = w.must(w.admin, "GET", "/v1/datasources/demo/hr.people", "")
	if a.json["state"] != "active" || len(a.json["columns"].([]any)) != 2 || !strings.Contains(a.text, "PII.SSN") {
		t.Errorf("after the look: %s", a.text)
	}
	if a := w.do(w.admin, "POST", "/v1/datasources/demo/hr.broken/look", ""); a.status != 409 || !strings.Contains(a.text, "different columns") {
		t.Errorf("broken: %d %s", a.status, a.text)
	}
	if a := w.do(w.admin, "POST", "/v1/datasources/demo/hr.none/look", ""); a.status != 404 {
		t.Errorf("missing: %d %s", a.status, a.text)
	}
}

func TestAConnectionWithNothingAtItsAddressIsTakenWithAWarning(t *testing.T) {
	w := company(t)
	body := `{"platform":"embedded","address":"/none"}`
	if a := w.must(w.admin, "PUT", "/v1/connections/here", body); a.json["op"] != "create" || a.json["warnings"] != nil {
		t.Errorf("something is there: %s", a.text)
	}
	w.unseen = stead.Errorf(stead.Invalid, "there is no folder")
	if a := w.must(w.admin, "PUT", "/v1/connections/later", body); a.json["op"] != "create" || !strings.Contains(a.text, "looked at now: there is no folder") {
		t.Errorf("nothing is there: %s", a.text)
	}
	w.must(w.admin, "GET", "/v1/connections/later", "")
	if a := w.do(w.key("ben"), "PUT", "/v1/connections/mine", body); a.status != 403 || strings.Contains(a.text, "there is no folder") {
		t.Errorf("ben: %d %s", a.status, a.text)
	}
}

func TestSubscriptions(t *testing.T) {
	w := company(t)
	w.must(w.admin, "PUT", "/v1/policies/hr-access", `{"policyKey":"hr-access","name":"HR access","type":"subscription",
		"actions":{"type":"approval","approvals":[{"requiredPermission":"OWNER"}]},"circumstances":[{"type":"tags","tag":"HR"}]}`)
	ben, cora := w.key("ben"), w.key("cora")
	w.must(ben, "POST", "/v1/subscriptions:request", `{"source":{"connection":"demo","path":["hr","people"]}}`)
	a := w.must(cora, "GET", "/v1/subscriptions", "")
	if len(items(a)) != 1 || items(a)[0].(map[string]any)["state"] != "pending" {
		t.Fatalf("requests: %s", a.text)
	}
	verdict := `{"source":{"connection":"demo","path":["hr","people"]},"principal":{"type":"user","name":"Ben"},"approve":true}`
	if a := w.do(ben, "POST", "/v1/subscriptions:decide", verdict); a.status != 403 {
		t.Errorf("ben approves himself: %d %s", a.status, a.text)
	}
	w.must(cora, "POST", "/v1/subscriptions:decide", verdict)
	if a := w.must(ben, "POST", "/v1/decisions", people+`}`); a.json["verdict"] != "allow" {
		t.Errorf("approved: %s", a.text)
	}
	w.must(cora, "DELETE", "/v1/subscriptions?connection=demo&path=hr.people&name=ben", "")
	if a := w.must(ben, "POST", "/v1/decisions", people+`}`); a.json["verdict"] != "deny" {
		t.Errorf("revoked: %s", a.text)
	}
}

func TestPoliciesProjectsPurposesSettings(t *testing.T) {
	w := company(t)
	a := w.do(w.admin, "PUT", "/v1/policies/bad?dryRun=true", `{"policyKey":"bad","name":"Bad","type":"data","actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"nowhere = 1"}}]}],"circumstances":[{"type":"all"}]}`)
	if a.status != 200 || a.json["warnings"] == nil {
		t.Errorf("a predicate that does not fit: %d %s", a.status, a.text)
	}
	a = w.do(w.admin, "PUT", "/v1/policies/bad", `{"policyKey":"bad","name":"Bad","Type":"data","extra":1}`)
	if list, _ := a.json["errors"].([]any); a.status != 422 || len(list) < 2 {
		t.Errorf("several mistakes: %d %s", a.status, a.text)
	}
	a = w.must(w.admin, "GET", "/v1/policies/hr-rows", "")
	if a.json["policy"].(map[string]any)["policyKey"] != "hr-rows" {
		t.Errorf("policy: %s", a.text)
	}
	w.must(w.admin, "PUT", "/v1/purposes/Research.Oncology", `{}`)
	w.must(w.admin, "PUT", "/v1/projects/p1", `{"members":[{"type":"user","name":"ana"}],"purposes":["Research.Oncology"],"sources":[{"connection":"demo","path":["hr","people"]}]}`)
	ana, ben := w.key("ana"), w.key("ben")
	w.must(ana, "PUT", "/v1/current-project", `{"project":"p1"}`)
	if a := w.must(ana, "POST", "/v1/decisions", people+`}`); a.json["project"] != "p1" {
		t.Errorf("project: %s", a.text)
	}
	if a := w.do(ben, "PUT", "/v1/current-project", `{"project":"p1"}`); a.status/100 != 4 {
		t.Errorf("not a member: %d %s", a.status, a.text)
	}
	w.must(w.admin, "PUT", "/v1/projects/p1/members", `[]`)
	w.must(w.admin, "PUT", "/v1/settings/impersonation.administrators", `{"value":"true"}`)
	if a := w.must(w.admin, "GET", "/v1/settings", ""); len(items(a)) != 1 {
		t.Errorf("settings: %s", a.text)
	}
	if a := w.do(w.admin, "PUT", "/v1/settings/nothing", `{"value":"true"}`); a.status != 422 {
		t.Errorf("unknown setting: %d", a.status)
	}
}
