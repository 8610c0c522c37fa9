package conformance

import (
	"bytes"
	"testing"
)

const corpus = "../../policy/testdata/corpus"

func TestCorpus(t *testing.T) {
	for _, name := range EngineNames() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s, err := Run(t.Context(), &out, Options{Paths: []string{corpus}, Engines: []string{name}})
			if err != nil || s.Failed > 0 {
				t.Errorf("%v\n%s", err, out.String())
			}
			t.Log(s)
		})
	}
}
