package httpapi

import (
	"strings"
	"testing"
)

func TestAudit(t *testing.T) {
	w := company(t)
	cora, ana := w.key("cora"), w.key("ana")
	w.must(ana, "POST", "/v1/decisions", people+`}`)
	a := w.must(cora, "GET", "/v1/audit/records", "")
	if len(items(a)) == 0 {
		t.Fatalf("an owner finds nothing: %s", a.text)
	}
	for _, i := range items(a) {
		r := i.(map[string]any)["record"].(map[string]any)
		if r["targets"] == nil {
			t.Errorf("an owner is shown what does not touch their data: %v", r)
		}
	}
	if a := w.do(cora, "GET", "/v1/audit/export", ""); a.status != 403 {
		t.Errorf("an owner exports: %d", a.status)
	}
	a = w.must(w.admin, "GET", "/v1/audit/records?limit=2", "")
	if len(items(a)) != 2 || a.json["next"] == nil {
		t.Fatalf("page: %s", a.text)
	}
	b := w.must(w.admin, "GET", "/v1/audit/records?limit=2&cursor="+a.json["next"].(string), "")
	if len(items(b)) != 2 || items(b)[0].(map[string]any)["seq"] == items(a)[0].(map[string]any)["seq"] {
		t.Errorf("next page: %s", b.text)
	}
	if a := w.do(w.admin, "GET", "/v1/audit/records?cursor=x", ""); a.status != 422 {
		t.Errorf("cursor: %d", a.status)
	}
	v := w.must(w.admin, "POST", "/v1/audit/verify", `{}`)
	if v.json["ok"] != true {
		t.Errorf("verify: %s", v.text)
	}
	head := v.json["writers"].([]any)[0].(map[string]any)["head"].(string)
	if v := w.must(w.admin, "POST", "/v1/audit/verify", `{"heads":["`+head+`"]}`); v.json["ok"] != true {
		t.Errorf("verify from the head: %s", v.text)
	}
	other := strings.Replace(head, head[len(head)-4:], "0000", 1)
	if v := w.must(w.admin, "POST", "/v1/audit/verify", `{"heads":["`+other+`"]}`); v.json["ok"] == true {
		t.Errorf("verify from another head: %s", v.text)
	}
	x := w.must(w.admin, "GET", "/v1/audit/export?actor=ana", "")
	if n := strings.Count(x.text, "\n"); n == 0 || x.header.Get("Content-Type") != "application/x-ndjson" || strings.Count(x.text, `"name":"ana"`) < n {
		t.Errorf("export: %v %s", x.header, x.text)
	}
}

func TestWrongKeysAreRecordedAndSlowedDown(t *testing.T) {
	w := newWorld(t)
	limited := false
	for range failuresAtOnce + 5 {
		a := w.do("stead_1_wrong", "GET", "/v1/whoami", "")
		limited = limited || a.status == 429 && a.header.Get("Retry-After") != ""
	}
	if !limited {
		t.Error("wrong keys are never slowed down")
	}
	clear(w.s.failures.by)
	a := w.must(w.admin, "GET", "/v1/audit/records?kind=sign-in&status=UNAUTHORIZED", "")
	if n := len(items(a)); n < failuresAtOnce || n > failuresAtOnce+2 || strings.Contains(a.text, "stead_1_wrong") {
		t.Errorf("%d records: %s", n, a.text)
	}
}

func TestNothingIsAnsweredThatCannotBeRecorded(t *testing.T) {
	w := company(t)
	ana := w.key("ana")
	check(t, w.log.Close())
	for _, c := range [][3]string{{"POST", "/v1/decisions", people + `}`}, {"POST", "/v1/explain", people + `}`}} {
		if a := w.do(ana, c[0], c[1], c[2]); a.status != 503 || a.json["verdict"] != nil {
			t.Errorf("%s: %d %s", c[1], a.status, a.text)
		}
	}
	if a := w.do(w.admin, "GET", "/v1/audit/records", ""); a.status != 503 {
		t.Errorf("search: %d %s", a.status, a.text)
	}
}

func TestStatus(t *testing.T) {
	w := company(t)
	if a := w.must(w.admin, "GET", "/v1/status", ""); a.json["ready"] != true || len(a.json["connections"].([]any)) != 1 || a.json["audit"] == nil {
		t.Errorf("%s", a.text)
	}
	w.must(w.admin, "PUT", "/v1/datasources/demo/hr.people/state", `{"state":"drifted","reason":"gone"}`)
	a := w.must(w.admin, "GET", "/v1/status", "")
	if c := a.json["connections"].([]any)[0].(map[string]any); c["current"] != false || !strings.Contains(a.text, "gone") {
		t.Errorf("%s", a.text)
	}
	if a := w.must(w.key("ben"), "GET", "/v1/status", ""); a.json["connections"] != nil || a.json["audit"] != nil {
		t.Errorf("ben: %s", a.text)
	}
	if a := w.must(w.admin, "GET", "/metrics", ""); a.text != "up 1\n" {
		t.Errorf("metrics: %s", a.text)
	}
	if h := w.do("", "GET", "/healthz", "").header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", h)
	}
}

func TestTooLargeABodyIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.do(w.admin, "PUT", "/v1/identities/x", `{"kind":"user","description":"`+strings.Repeat("x", smallBody)+`"}`)
	if a.status != 413 || a.json["code"] != "limit" {
		t.Errorf("%d %s", a.status, a.text)
	}
}
