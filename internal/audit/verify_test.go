package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"stead"
)

// tampered makes a log of several segments, changes its files and verifies.
func tampered(t *testing.T, change func(t *testing.T, files [][]byte) [][]byte) *Report {
	t.Helper()
	f := newFixture(t, func(o *Options) { o.SegmentAge = time.Hour })
	for range 3 {
		f.append(4)
		f.clock.advance(2 * time.Hour)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.wantWhole(12)
	head := f.Status().Head
	names := f.files()
	var files [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	for i, b := range change(t, slices.Clone(files)) {
		if b == nil {
			if err := os.Remove(names[i]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		rewrite(t, names[i], b)
	}
	return f.verify(head)
}

func linesOf(b []byte) [][]byte { return bytes.SplitAfter(b, []byte("\n")) }

// rehash gives a line the hash of its bytes, as somebody would who knows the format.
func rehash(line []byte) []byte {
	body := line[:len(line)-tailSize]
	h := Hash(sha256.Sum256(body))
	return append(append(slices.Clone(body), hashPrefix...), h.String()+hashSuffix...)
}

func replaceLine(files [][]byte, file, line int, with []byte) [][]byte {
	l := linesOf(files[file])
	l[line] = with
	files[file] = bytes.Join(l, nil)
	return files
}

func TestVerifyFindsTampering(t *testing.T) {
	other := func(line []byte) []byte {
		return bytes.Replace(line, []byte(`"name":"ana"`), []byte(`"name":"bob"`), 1)
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, files [][]byte) [][]byte
		kind   string
		seq    int64
	}{
		"altered": {func(_ *testing.T, f [][]byte) [][]byte { return replaceLine(f, 0, 1, other(linesOf(f[0])[1])) }, "altered", 2},
		"altered, with its hash": {func(_ *testing.T, f [][]byte) [][]byte {
			return replaceLine(f, 0, 1, rehash(other(linesOf(f[0])[1])))
		}, "altered", 3},
		"altered, last of a segment": {func(_ *testing.T, f [][]byte) [][]byte {
			return replaceLine(f, 0, 4, rehash(bytes.Replace(linesOf(f[0])[4], []byte("2026"), []byte("2025"), 1)))
		}, "signature", 5},
		"removed":         {func(_ *testing.T, f [][]byte) [][]byte { return replaceLine(f, 1, 1, nil) }, "removed", 7},
		"removed, first":  {func(_ *testing.T, f [][]byte) [][]byte { return replaceLine(f, 0, 0, nil) }, "removed", 1},
		"removed segment": {func(_ *testing.T, f [][]byte) [][]byte { f[1] = nil; return f }, "removed", 6},
		"removed, first segment": {func(_ *testing.T, f [][]byte) [][]byte {
			f[0] = nil
			return f
		}, "removed", 1},
		"reordered": {func(_ *testing.T, f [][]byte) [][]byte {
			l := linesOf(f[0])
			l[1], l[2] = l[2], l[1]
			f[0] = bytes.Join(l, nil)
			return f
		}, "reordered", 2},
		"truncated at the end": {func(_ *testing.T, f [][]byte) [][]byte {
			f[2] = bytes.Join(linesOf(f[2])[:2], nil)
			return f
		}, "truncated", 13},
		"last segment gone": {func(_ *testing.T, f [][]byte) [][]byte { f[2] = nil; return f }, "truncated", 11},
		"truncated within": {func(_ *testing.T, f [][]byte) [][]byte {
			f[0] = bytes.Join(linesOf(f[0])[:3], nil)
			return f
		}, "truncated", 3},
		"half a line within":               {func(_ *testing.T, f [][]byte) [][]byte { return [][]byte{append(f[0], "half"...), f[1], f[2]} }, "altered", 6},
		"rewritten from here on, unsigned": {rewriteChain, "signature", 5},
	} {
		t.Run(name, func(t *testing.T) {
			r := tampered(t, c.change)
			if !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Kind == c.kind && p.Seq == c.seq && p.Writer == "w1" }) {
				t.Errorf("no problem %q at %d in %v", c.kind, c.seq, r.Problems)
			}
			if len(r.Problems) > 6 {
				t.Errorf("one change gives %d problems: %v", len(r.Problems), r.Problems)
			}
		})
	}
}

// rewriteChain alters the first record and makes every hash after it fit again.
func rewriteChain(t *testing.T, files [][]byte) [][]byte {
	head := Head{Writer: "w1"}
	for i, b := range files {
		var out []byte
		for _, line := range linesOf(b) {
			if len(line) == 0 {
				continue
			}
			e, err := parseLine(line)
			if err != nil {
				t.Fatal(err)
			}
			if e.Record != nil {
				e.Record.Subject.Name = "bob"
				out, head = appendLine(out, head, "record", encode(t, e.Record))
			} else {
				out, head = appendLine(out, head, "checkpoint", encode(t, e.Checkpoint))
			}
		}
		files[i] = out
	}
	return files
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerifyWholeWriterGone(t *testing.T) {
	f := newFixture(t, nil)
	f.append(1)
	r := f.verify(Head{Writer: "w2", Seq: 5})
	if r.OK() || r.Problems[0].Writer != "w2" || r.Problems[0].Kind != "removed" {
		t.Errorf("problems: %v", r.Problems)
	}
}

func TestVerifyWhileWriting(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.SegmentSize = 8 << 10 })
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				if err := f.Append(t.Context(), query("ana", "bi")); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	var head Head
	for range 20 {
		heads := []Head{head}
		if head.Seq == 0 {
			heads = nil
		}
		r := f.verify(heads...)
		if !r.OK() {
			t.Fatalf("problems: %v", r.Problems)
		}
		head = r.Writers[0].Head
	}
	close(stop)
	<-done
}

// FuzzVerify: whatever stands in a segment, verify and open answer without a crash, and only the
// segment as it was written is whole.
func FuzzVerify(f *testing.F) {
	head := Head{Writer: "w1"}
	whole, _ := appendLine(nil, head, "record", []byte(`{"id":"1","kind":"system","time":"2026-01-01T00:00:00Z","status":"SUCCESS","actor":{"login":""},"subject":{"identity":0,"iam":"","name":"","kind":""}}`))
	f.Add(whole)
	f.Add([]byte("{}\n"))
	f.Add(append(slices.Clone(whole), whole...))
	f.Add([]byte(strings.Repeat("\n", 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		opt := Options{Dir: dir, Writer: "w1", Keeper: &keeper{version: 1}}
		if err := os.MkdirAll(dir+"/w1", 0o700); err != nil {
			t.Fatal(err)
		}
		rewrite(t, dir+"/w1/"+segmentName(1), b)
		r, err := Verify(t.Context(), dir, KeysOf(t.Context(), opt.Keeper))
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), opt)
		if (err == nil) != r.OK() {
			t.Errorf("open says %v, verify says %v", err, r.Problems)
		}
		if err == nil {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		} else if stead.CodeOf(err) != stead.Conflict && stead.CodeOf(err) != stead.Unavailable {
			t.Errorf("open: %v", err)
		}
	})
}
