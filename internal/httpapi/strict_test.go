package httpapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"stead"
)

func TestStrictJSONSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ body, says string }{
		"unknown":              {`{"kind":"user","colour":"red"}`, "colour"},
		"case":                 {`{"Kind":"user"}`, `did you mean "kind"?`},
		"twice":                {`{"kind":"user","kind":"agent"}`, "kind is given twice"},
		"twice, other case":    {`{"kind":"user","Kind":"agent"}`, "Kind"},
		"twice in a map":       {`{"kind":"user","attributes":{"a":["1"],"a":["2"]}}`, "attributes.a is given twice"},
		"escaped twin":         {`{"kind":"user","\u006bind":"agent"}`, "kind is given twice"},
		"nested case":          {`{"kind":"agent","owner":{"Type":"user","name":"admin"}}`, "owner.Type"},
		"in a list":            {`{"kind":"user","impersonates":{"users":[{"type":"user","NAME":"x"}]}}`, "impersonates.users[0].NAME"},
		"something follows":    {`{"kind":"user"} {}`, "follows"},
		"not JSON":             {`{"kind":`, "too early"},
		"wrong kind":           {`{"kind":"user","permissions":"AUDIT"}`, "array"},
		"deep":                 {`{"kind":"user","attributes":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`, "deeper"},
		"missing":              {`{"name":"x"}`, "kind"},
		"no body":              {``, "required"},
		"another than in path": {`{"kind":"user","name":"y"}`, "not what the path names"},
	} {
		a := w.do(w.admin, "PUT", "/v1/identities/x", c.body)
		if a.status != 400 && a.status != 422 || a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.text, quoted(c.says)) {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		if a.json["code"] != "invalid" || strings.Contains(a.text, "value") && strings.Contains(a.text, "red") {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	if a := w.do(w.admin, "GET", "/v1/identities/x", ""); a.status != 404 {
		t.Errorf("a bad request left something behind: %s", a.text)
	}
	if a := w.do(w.admin, "GET", "/v1/identities?limt=3", ""); a.status != 422 || !strings.Contains(a.text, "limt") {
		t.Errorf("an unknown query parameter: %d %s", a.status, a.text)
	}
}

// quoted is a text as it stands in JSON.
func quoted(s string) string {
	text, _ := json.Marshal(s)
	return strings.Trim(string(text), `"`)
}

func TestWhatWasSentIsNotEchoed(t *testing.T) {
	w := newWorld(t)
	a := w.do(w.admin, "PUT", "/v1/identities/admin/password", `{"password":"hunter2-very-secret","x":1}`)
	if a.status != 422 || strings.Contains(a.text, "hunter2") {
		t.Errorf("%d %s", a.status, a.text)
	}
	a = w.do(w.admin, "PUT", "/v1/identities/admin/password", `{"password":["hunter2-very-secret"]`)
	if a.status != 400 || strings.Contains(a.text, "hunter2") {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"kind":"user"}`, `{"kind":"user","kind":"user"}`, `[[[`, `{"attributes":{"a":["b"]}}`, `null`, `1e999`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var i stead.Identity
		if unmarshalStrict(data, &i) != nil {
			return
		}
		// What is read strictly reads the same for a reader that is strict about nothing else.
		var again stead.Identity
		if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(i, again) {
			t.Fatalf("%q: %+v, %+v, %v", data, i, again, err)
		}
	})
}
