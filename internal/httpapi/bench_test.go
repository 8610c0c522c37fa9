package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkDecisionsOverHTTP asks for decisions among 1,000 policies on loopback, each recorded before it is answered.
func BenchmarkDecisionsOverHTTP(b *testing.B) {
	w := company(b)
	var docs strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&docs, "kind: Policy\npolicyKey: p%d\nname: P%d\ntype: data\nactions: [{rules: [{type: Masking, config: {fields: [{type: columnTags, columnTag: T%d}], maskingConfig: {type: Constant, constant: x}}}]}]\ncircumstances: [{type: tags, tag: T%d}]\n---\n", i, i, i, i)
	}
	quoted := strings.ReplaceAll(docs.String(), "\n", `\n`)
	w.must(w.admin, "POST", "/v1/bundles:apply", `{"files":[{"name":"p.yaml","text":"`+strings.TrimSuffix(quoted, `---\n`)+`"}]}`)
	key := w.key("ana")
	ask := func(b *testing.B, method, path, body string) {
		r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
		check(b, err)
		r.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(r)
		check(b, err)
		_, err = io.Copy(io.Discard, resp.Body)
		check(b, err)
		check(b, resp.Body.Close())
		if resp.StatusCode != 200 {
			b.Fatal(resp.Status)
		}
	}
	b.Run("recorded", func(b *testing.B) {
		measure(b, func() { ask(b, "POST", "/v1/decisions", people+`}`) })
	})
	b.Run("not-recorded", func(b *testing.B) { // the same decision, in a list about oneself
		measure(b, func() { ask(b, "GET", "/v1/visible/demo", "") })
	})
	b.Run("record-alone", func(b *testing.B) {
		r := w.s.inquiry(b.Context(), "decision", "demo:hr.people")
		measure(b, func() { check(b, w.log.Append(b.Context(), r)) })
	})
}

func measure(b *testing.B, fn func()) {
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		fn()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
