package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write api/openapi.json")

// operations lists method and path of everything the document describes, with whether it needs no key.
func operations(t *testing.T, s *server) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for path, item := range s.api.OpenAPI().Paths {
		for method, op := range map[string]any{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete} {
			text, err := json.Marshal(op)
			check(t, err)
			if string(text) == "null" {
				continue
			}
			var o struct {
				Security []any `json:"security"`
			}
			check(t, json.Unmarshal(text, &o))
			out[method+" "+path] = len(o.Security) == 0
		}
	}
	return out
}

func TestEveryRouteNeedsAKeyOrSaysSo(t *testing.T) {
	w := newWorld(t)
	open := map[string]bool{"GET /healthz": true, "GET /readyz": true, "GET /v1/version": true}
	ops := operations(t, w.s)
	if len(ops) < 60 {
		t.Fatalf("only %d operations are described", len(ops))
	}
	for op, public := range ops {
		if public != open[op] {
			t.Errorf("%s: open is %v", op, public)
		}
		method, path, _ := strings.Cut(op, " ")
		path = strings.NewReplacer("{", "", "}", "").Replace(path)
		for _, key := range []string{"", "stead_1_" + strings.Repeat("a", 52), "nonsense"} {
			a := w.do(key, method, path, "")
			w.s.failures.mu.Lock()
			clear(w.s.failures.by)
			w.s.failures.mu.Unlock()
			switch {
			case public && a.status != 200:
				t.Errorf("%s: %d %s", op, a.status, a.text)
			case !public && (a.status != 401 || a.json["code"] != "unauthenticated" || a.header.Get("WWW-Authenticate") == ""):
				t.Errorf("%s with key %q: %d %s", op, key, a.status, a.text)
			}
		}
	}
}

func TestEveryHandlerIsDescribed(t *testing.T) {
	w := newWorld(t)
	// Whatever answers a path that the document does not have is the catch-all, or the document itself.
	for _, path := range []string{"/", "/v1", "/docs", "/schemas/Problem.json", "/debug/pprof/", "/v1/identities/x/y/z"} {
		if a := w.do(w.admin, "GET", path, ""); a.status != 404 || a.json["code"] != "not_found" {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	for _, path := range []string{"/openapi.json", "/openapi.yaml"} {
		if a := w.do("", "GET", path, ""); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestTheDocumentIsCurrentAndItsSchemasCompile(t *testing.T) {
	doc, err := Document("1")
	check(t, err)
	var pretty bytes.Buffer
	check(t, json.Indent(&pretty, doc, "", " "))
	pretty.WriteByte('\n')
	const golden = "../../api/openapi.json"
	if *update {
		check(t, os.WriteFile(golden, pretty.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if !bytes.Equal(want, pretty.Bytes()) {
		t.Errorf("api/openapi.json is not what the code gives; run go test ./internal/httpapi -run Document -update")
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	check(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	check(t, c.AddResource("openapi.json", parsed))
	m := parsed.(map[string]any)
	if m["openapi"] != "3.1.0" {
		t.Errorf("version %v", m["openapi"])
	}
	for name := range m["components"].(map[string]any)["schemas"].(map[string]any) {
		if _, err := c.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	seen := map[string]bool{}
	refs(t, m, m, seen)
	if len(seen) == 0 {
		t.Error("no reference was looked at")
	}
	ids := map[string]bool{}
	for path, item := range m["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			o := op.(map[string]any)
			id, _ := o["operationId"].(string)
			if id == "" || ids[id] || o["summary"] == nil || o["responses"] == nil {
				t.Errorf("%s %s: operation %q", method, path, id)
			}
			ids[id] = true
			parameters(t, path, o)
		}
	}
}

// refs follows every reference of the document.
func refs(t *testing.T, root map[string]any, v any, seen map[string]bool) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			refs(t, root, e, seen)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			seen[ref] = true
			var at any = root
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				m, ok := at.(map[string]any)
				if at = m[part]; !ok || at == nil {
					t.Errorf("%s leads nowhere", ref)
					return
				}
			}
		}
		for _, e := range v {
			refs(t, root, e, seen)
		}
	}
}

// parameters checks that the path's parameters are those that are described.
func parameters(t *testing.T, path string, op map[string]any) {
	t.Helper()
	inPath := map[string]bool{}
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		if m := p.(map[string]any); m["in"] == "path" {
			inPath[fmt.Sprint(m["name"])] = true
			if m["required"] != true {
				t.Errorf("%s: %v is not required", path, m["name"])
			}
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") && !inPath[strings.Trim(part, "{}")] {
			t.Errorf("%s: %s is not described", path, part)
		}
	}
	if n := strings.Count(path, "{"); n != len(inPath) {
		t.Errorf("%s: %d parameters in the path, %d described", path, n, len(inPath))
	}
}
