package httpapi

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// request spells a bundle of one file.
func bundleOf(t *testing.T, text string, more string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	check(t, err)
	return `{"files":[{"name":"people.yaml","text":` + string(quoted) + `}]` + more + `}`
}

const folks = "kind: Group\nname: analysts\nmembers: [{type: user, name: ana}]\n---\nkind: User\nname: ana\nattributes: {department: [Finance]}\n"

func TestBundles(t *testing.T) {
	w := newWorld(t)
	a := w.must(w.admin, "POST", "/v1/bundles:plan", bundleOf(t, folks, ""))
	if a.json["dryRun"] != true || len(a.json["edits"].([]any)) == 0 || w.do(w.admin, "GET", "/v1/identities/ana", "").status != 404 {
		t.Fatalf("plan: %s", a.text)
	}
	a = w.must(w.admin, "POST", "/v1/bundles:apply", bundleOf(t, folks, ""))
	if a.json["revision"] == nil || a.json["pending"] != nil || !strings.Contains(a.json["text"].(string), "ana") || !strings.Contains(a.text, "widens") {
		t.Errorf("apply: %s", a.text)
	}
	a = w.must(w.admin, "POST", "/v1/bundles:apply", bundleOf(t, folks, ""))
	for _, e := range a.json["edits"].([]any) {
		if e.(map[string]any)["op"] != "none" {
			t.Errorf("the same again changes something: %v", e)
		}
	}
	a = w.do(w.admin, "POST", "/v1/bundles:apply", bundleOf(t, "kind: User\nname: eve\ncolour: red\n---\nkind: Grup\nname: x\n", ""))
	list, _ := a.json["errors"].([]any)
	if a.status != 422 || len(list) < 2 || !strings.Contains(a.text, "people.yaml") || !strings.Contains(a.text, `"line":3`) {
		t.Errorf("mistakes: %d %s", a.status, a.text)
	}
	if a := w.do(w.admin, "GET", "/v1/identities/eve", ""); a.status != 404 {
		t.Errorf("half a bundle was applied: %s", a.text)
	}
	w.must(w.admin, "PUT", "/v1/identities/ben", `{"kind":"user"}`)
	if a := w.do(w.key("ben"), "POST", "/v1/bundles:apply", bundleOf(t, "kind: User\nname: ben\npermissions: [USER_ADMIN]\n", "")); a.status != 403 {
		t.Errorf("ben applies: %d %s", a.status, a.text)
	}
	w.must(w.admin, "POST", "/v1/bundles:apply", bundleOf(t, "kind: User\nname: ana\n", `,"prune":true,"name":"default"`))
	if a := w.do(w.admin, "GET", "/v1/groups/analysts", ""); a.status != 404 {
		t.Errorf("not pruned: %s", a.text)
	}
}

func TestTheAddressOfAConnectionTakesTheCallersVariables(t *testing.T) {
	w := newWorld(t)
	check(t, os.Setenv("STEAD_HTTPAPI_TEST", "/server/side"))
	t.Cleanup(func() { check(t, os.Unsetenv("STEAD_HTTPAPI_TEST")) })
	doc := "kind: Connection\nkey: demo\nplatform: embedded\naddress: ${STEAD_HTTPAPI_TEST}\n"
	if a := w.do(w.admin, "POST", "/v1/bundles:apply", bundleOf(t, doc, "")); a.status != 422 || strings.Contains(a.text, "/server/side") {
		t.Errorf("the server's environment is read: %d %s", a.status, a.text)
	}
	w.must(w.admin, "POST", "/v1/bundles:apply", bundleOf(t, doc, `,"variables":{"STEAD_HTTPAPI_TEST":"/mine"}`))
	if a := w.must(w.admin, "GET", "/v1/connections/demo", ""); a.json["address"] != "/mine" {
		t.Errorf("%s", a.text)
	}
}

func TestAsCode(t *testing.T) {
	w := company(t)
	body := `policyKey: nulls
name: Nulls
type: data
actions:
  - rules:
      - type: Masking
        config: {fields: [{type: columnName, columnName: ssn}], maskingConfig: {type: "Null"}}
circumstances: [{type: all}]
`
	a := w.must(w.admin, "POST", "/api/v2/policy?dryRun=true", body, "Content-Type", "application/yaml")
	if a.json["dryRun"] != true || len(a.json["creating"].([]any)) != 1 || w.do(w.admin, "GET", "/v1/policies/nulls", "").status != 404 {
		t.Fatalf("dry run: %s", a.text)
	}
	w.must(w.admin, "POST", "/api/v2/policy", body, "Content-Type", "application/yaml")
	a = w.must(w.admin, "POST", "/api/v2/policy?reCertify=true", body)
	if len(a.json["noChange"].([]any)) != 1 || len(a.json["updating"].([]any)) != 0 {
		t.Errorf("again: %s", a.text)
	}
	a = w.must(w.admin, "DELETE", "/api/v2/policy/nulls", "")
	if len(a.json["deleting"].([]any)) != 1 || w.do(w.admin, "GET", "/v1/policies/nulls", "").status != 404 {
		t.Errorf("delete: %s", a.text)
	}

	data := func(tables ...string) string {
		out := "connectionKey: demo\nsources:\n"
		for _, name := range tables {
			out += "  - {schema: s, table: " + name + ", columns: [{name: id, type: int}], tags: {table: [T]}}\n"
		}
		return out
	}
	a = w.must(w.admin, "POST", "/api/v2/data?wait=5", data("a", "b"))
	if len(a.json["creating"].([]any)) != 2 || a.json["detectionRunning"] != false {
		t.Errorf("register: %s", a.text)
	}
	a = w.must(w.admin, "POST", "/api/v2/data", data("a"))
	if len(a.json["noChange"].([]any)) != 1 || len(a.json["deleting"].([]any)) != 1 {
		t.Errorf("one is missing: %s", a.text)
	}
	a = w.must(w.admin, "POST", "/api/v2/data", strings.Replace(data("a"), "[T]", "[U]", 1))
	if a.json["tagsUpdated"] != true {
		t.Errorf("tags: %s", a.text)
	}
	a = w.must(w.admin, "DELETE", "/api/v2/data/demo", "")
	if len(a.json["deleting"].([]any)) != 1 {
		t.Errorf("delete: %s", a.text)
	}
	w.must(w.admin, "GET", "/v1/datasources/demo/hr.people", "") // registered otherwise, so it stays
	if a := w.do(w.admin, "POST", "/api/v2/data", "connectionKey: demo\nsourcs: []\n"); a.status != 422 || !strings.Contains(a.text, "sourcs") {
		t.Errorf("unknown member: %d %s", a.status, a.text)
	}
}
