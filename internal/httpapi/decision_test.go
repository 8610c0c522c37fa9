package httpapi

import (
	"strings"
	"testing"
)

const people = `{"object":{"connection":"demo","path":["hr","people"]}`

func TestDecisions(t *testing.T) {
	w := company(t)
	ana, ben, gil, bi := w.key("ana"), w.key("ben"), w.key("gil"), w.key("bi")

	a := w.must(ana, "POST", "/v1/decisions", people+`}`)
	if a.json["verdict"] != "allow" || a.json["rows"].(map[string]any)["extent"] != "when" {
		t.Fatalf("ana: %s", a.text)
	}
	if strings.Contains(a.text, "Finance'") || strings.Contains(a.text, `"when":"`) || strings.Contains(a.text, `"mask"`) {
		t.Errorf("ana is shown the text of a policy: %s", a.text)
	}
	masked := a.json["columns"].([]any)[2].(map[string]any)
	if masked["access"] != "masked" || masked["kind"] != "hash" {
		t.Errorf("ssn: %v", masked)
	}

	hidden := w.must(ben, "POST", "/v1/decisions", people+`}`)
	missing := w.must(ben, "POST", "/v1/decisions", strings.Replace(people, "people", "people2", 1)+`}`)
	if hidden.json["verdict"] != "deny" || strings.ReplaceAll(missing.text, "people2", "people") != hidden.text {
		t.Errorf("hidden and missing differ:\n%s%s", hidden.text, missing.text)
	}

	if a := w.do(ben, "POST", "/v1/explain", people+`,"subject":"ana"}`); a.status != 403 {
		t.Errorf("ben explains about ana: %d %s", a.status, a.text)
	}
	if x, y := w.do(ben, "POST", "/v1/explain", people+`,"subject":"ana"}`), w.do(ben, "POST", "/v1/explain", people+`,"subject":"nobody"}`); x.json["detail"] != y.json["detail"] || x.status != y.status {
		t.Errorf("ben learns who exists: %s %s", x.text, y.text)
	}
	e := w.must(gil, "POST", "/v1/explain", people+`,"subject":"ben"}`)
	if d := e.json["decision"].(map[string]any); d["verdict"] != "deny" || len(d["reasons"].([]any)) == 0 || d["subject"] != "ben" {
		t.Errorf("gil about ben: %s", e.text)
	}
	e = w.must(gil, "POST", "/v1/explain", people+`,"subject":"ana"}`)
	d := e.json["decision"].(map[string]any)
	if when, _ := d["rows"].(map[string]any)["when"].(string); !strings.Contains(when, "Finance") || e.json["attributes"] == nil {
		t.Errorf("gil about ana: %s", e.text)
	}

	s := w.must(bi, "POST", "/v1/explain", people+`,"inStead":"ana"}`)
	d = s.json["decision"].(map[string]any)
	if d["verdict"] != "allow" || d["subject"] != "ana" || d["actor"] != "bi" || d["reasons"] != nil || s.json["attributes"] != nil {
		t.Errorf("bi in the stead of ana: %s", s.text)
	}
	if a := w.do(ben, "POST", "/v1/decisions", people+`,"inStead":"ana"}`); a.status != 403 {
		t.Errorf("ben in the stead of ana: %d %s", a.status, a.text)
	}
	if a := w.do(bi, "POST", "/v1/decisions", people+`,"inStead":"admin"}`); a.status != 403 {
		t.Errorf("bi in the stead of an administrator: %d %s", a.status, a.text)
	}
	if a := w.do(gil, "POST", "/v1/decisions", people+`,"inStead":"ana","subject":"ana"}`); a.status != 422 {
		t.Errorf("both: %d", a.status)
	}
	if v := w.must(ana, "GET", "/v1/visible/demo", ""); len(v.json["items"].([]any)) != 1 {
		t.Errorf("ana sees: %s", v.text)
	}
	if v := w.must(ben, "GET", "/v1/visible/demo", ""); len(v.json["items"].([]any)) != 0 {
		t.Errorf("ben sees: %s", v.text)
	}
}

func TestQuestionsAreRecorded(t *testing.T) {
	w := company(t)
	gil := w.key("gil")
	w.must(gil, "POST", "/v1/explain", people+`,"subject":"ana"}`)
	a := w.must(w.admin, "GET", "/v1/audit/records?actor=gil&kind=access", "")
	items := a.json["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("records: %s", a.text)
	}
	r := items[0].(map[string]any)["record"].(map[string]any)
	if r["subject"].(map[string]any)["name"] != "ana" || r["actor"].(map[string]any)["name"] != "gil" {
		t.Errorf("not both names: %v", r)
	}
}
