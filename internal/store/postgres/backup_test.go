package postgres

import (
	"bytes"
	"encoding/json"
	"testing"

	"stead/internal/store"
)

// FuzzBackup: what is read without an error is what a backup of it says.
func FuzzBackup(f *testing.F) {
	whole := func(items ...*store.Item) []byte {
		var out bytes.Buffer
		var t store.Tally
		lines := json.NewEncoder(&out)
		for _, v := range items {
			if err := t.Add(v); err != nil {
				f.Fatal(err)
			}
		}
		if err := lines.Encode(firstLine); err != nil {
			f.Fatal(err)
		}
		for _, v := range items {
			if err := lines.Encode(v); err != nil {
				f.Fatal(err)
			}
		}
		if err := lines.Encode(ending{t.String()}); err != nil {
			f.Fatal(err)
		}
		return out.Bytes()
	}
	good := whole(&store.Item{Counter: &store.Counter{Name: "revision", Value: 1}}, &store.Item{Mark: &store.Mark{Name: "a", Value: "b"}},
		&store.Item{Row: &store.Row{Noun: store.Groups, ID: 1, Key: "a", Doc: []byte(`{}`)}}, &store.Item{Record: &store.StoredRecord{Seq: 1, Doc: []byte(`{}`)}})
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good), "{}\n"...))
	f.Add(whole())
	f.Add([]byte("{\"stead\":\"store\",\"format\":1}\n{\"row\":null}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var tally store.Tally
		for item, err := range read(bytes.NewReader(text)) {
			if err != nil {
				return
			}
			if err := tally.Add(item); err != nil {
				t.Fatalf("an item that is none was read: %v", err)
			}
		}
		if !bytes.Contains(text, []byte(tally.String())) {
			t.Errorf("read as whole: %q", text)
		}
	})
}
