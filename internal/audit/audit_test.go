package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stead"
	"stead/internal/keys"
)

// keeper keeps secrets in memory, with their history.
type keeper struct {
	mu      sync.Mutex
	version int
}

func (k *keeper) Secret(ctx context.Context, name string) (keys.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.Version(ctx, name, k.version)
}

func (k *keeper) Rotate(ctx context.Context, name string) (keys.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	return k.Version(ctx, name, k.version)
}

func (k *keeper) Version(_ context.Context, name string, version int) (keys.Secret, error) {
	return keys.Secret{Version: version, Bytes: sha256.Sum256(fmt.Appendf(nil, "%s %d", name, version))}, nil
}

func (k *keeper) Credential(context.Context, string) (string, error) { return "", os.ErrNotExist }

// clock is a clock that tests set.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

type fixture struct {
	*Log
	t     *testing.T
	opt   Options
	clock *clock
}

func newFixture(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	c := &clock{}
	c.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	f := &fixture{t: t, clock: c, opt: Options{Dir: filepath.Join(t.TempDir(), "audit"), Writer: "w1", Keeper: &keeper{version: 1},
		CheckpointEvery: time.Hour, Now: c.Now}}
	if change != nil {
		change(&f.opt)
	}
	f.reopen()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func (f *fixture) reopen() {
	f.t.Helper()
	l, err := Open(f.t.Context(), f.opt)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Log = l
}

// crash leaves the folder as a killed process would.
func (f *fixture) crash() {
	f.t.Helper()
	f.stop()
	<-f.done
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	if err := errors.Join(f.w.close(), f.lock.Close()); err != nil {
		f.t.Error(err)
	}
}

func (f *fixture) append(n int) {
	f.t.Helper()
	for range n {
		if err := f.Append(f.t.Context(), query("ana", "bi")); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) verify(heads ...Head) *Report {
	f.t.Helper()
	r, err := Verify(f.t.Context(), f.opt.Dir, KeysOf(f.t.Context(), f.opt.Keeper), heads...)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) wantWhole(records int64, heads ...Head) {
	f.t.Helper()
	r := f.verify(heads...)
	if !r.OK() {
		f.t.Errorf("problems: %v", r.Problems)
	}
	if got := r.Writers[0].Records; got != records {
		f.t.Errorf("%d records, want %d", got, records)
	}
}

func query(subject, actor string) stead.Record {
	return stead.Record{Kind: stead.QueryIntent, Status: stead.Success, QueryID: NewID(),
		Actor: stead.Actor{Login: actor, Name: actor}, Subject: stead.Subject{Name: subject}, Basis: stead.ByImpersonation,
		Statement: "select * from demo.hr_data", Targets: []stead.RecordTarget{{
			Object: stead.Object{Connection: "local", Kind: stead.TableObject, Path: []string{"demo", "hr_data"}}, Source: 7, SourceName: "Hr Data",
			MaskedColumns: map[string]string{"ssn": "hash"}, RowRule: "when"}}}
}

func (f *fixture) files() []string {
	f.t.Helper()
	names, err := filepath.Glob(filepath.Join(f.opt.Dir, f.opt.Writer, "*"+segmentSuffix))
	if err != nil {
		f.t.Fatal(err)
	}
	return names
}

func TestAppendAndGoOn(t *testing.T) {
	f := newFixture(t, nil)
	f.append(3)
	before := f.Status()
	if before.Head.Seq != 3 || before.Unsigned != 3 {
		t.Errorf("status %+v", before)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(t.Context(), query("a", "b")); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("append after close: %v", err)
	}
	f.reopen()
	f.append(2)
	f.wantWhole(5, before.Head)
	if _, err := Open(t.Context(), f.opt); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("opened twice: %v", err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.SegmentSize = 64 << 10 })
	var wg sync.WaitGroup
	const workers, each = 16, 50
	for range workers {
		wg.Go(func() {
			for range each {
				if err := f.Append(t.Context(), query("ana", "bi")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	f.wantWhole(workers*each, f.Status().Head)
	if n := len(f.files()); n < 3 {
		t.Errorf("%d segments: none was ended", n)
	}
}

func TestRotationAndCheckpoints(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.SegmentAge = time.Hour })
	f.append(1)
	if err := f.Checkpoint(t.Context()); err != nil || f.Status().Unsigned != 0 {
		t.Errorf("checkpoint: %v, %+v", err, f.Status())
	}
	seq := f.Status().Head.Seq
	if err := f.Checkpoint(t.Context()); err != nil || f.Status().Head.Seq != seq {
		t.Errorf("a checkpoint of nothing new: %v, %+v", err, f.Status())
	}
	f.clock.advance(2 * time.Hour)
	if err := f.Checkpoint(t.Context()); err != nil || f.Status().Segments != 2 {
		t.Errorf("an old segment was not ended: %v, %+v", err, f.Status())
	}
	f.append(1)
	f.wantWhole(2)
}

func TestKeyRotation(t *testing.T) {
	f := newFixture(t, nil)
	f.append(1)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.opt.Keeper.Rotate(t.Context(), signingKey); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	f.append(1)
	if err := f.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.wantWhole(2)
}

func TestStatementIsCut(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc... (1 bytes more)"}, {"aé", 2, "a... (2 bytes more)"}, {"", 3, ""}} {
		if got := cut(c.text, c.limit); got != c.want {
			t.Errorf("cut(%q, %d) = %q", c.text, c.limit, got)
		}
	}
	f := newFixture(t, nil)
	r := query("a", "b")
	r.Statement = strings.Repeat("x", 1<<20)
	if err := f.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(f.files()[0]); err != nil || info.Size() > 20<<10 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	r.Statement, r.Details = "", strings.Repeat("x", 2*maxBody)
	if err := f.Append(t.Context(), r); stead.CodeOf(err) != stead.Limit {
		t.Errorf("a huge record: %v", err)
	}
	f.wantWhole(1)
}

func TestUnfinishedEntry(t *testing.T) {
	f := newFixture(t, nil)
	f.append(2)
	f.crash()
	for _, tail := range []string{`{"writer":"w1","seq":3,"pr`, "\x00\x00\x00\x00"} {
		appendTo(t, f.files()[0], tail)
		f.reopen()
		f.append(1)
		r := f.verify()
		if !r.OK() {
			t.Errorf("after %q: %v", tail, r.Problems)
		}
		f.crash()
	}
	f.reopen()
	f.wantWhole(6) // two records tell of what was removed
}

func TestDamageIsNotTouched(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"a byte in the middle": func(b []byte) []byte { b[len(b)/2]++; return b },
		"the last line's hash": func(b []byte) []byte { b[len(b)-5] ^= 1; return b },
		"a foreign whole line": func(b []byte) []byte { return append(b, "{}\n"...) },
		"a line twice": func(b []byte) []byte {
			return append(b, b[strings.LastIndexByte(string(b[:len(b)-1]), '\n')+1:]...)
		},
	} {
		f := newFixture(t, nil)
		f.append(3)
		f.crash()
		path := f.files()[0]
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := damage(append([]byte(nil), b...))
		rewrite(t, path, bad)
		if _, err := Open(t.Context(), f.opt); stead.CodeOf(err) != stead.Conflict {
			t.Errorf("%s: open returned %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != string(bad) {
			t.Errorf("%s: the evidence was changed", name)
		}
		rewrite(t, path, b)
		f.reopen()
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, path, append(b, text...))
}

func rewrite(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// full is a file on a disk that can be full.
type full struct {
	file
	room *atomic.Int64 // bytes that may still be written; negative: no limit
	sync *atomic.Bool  // whether flushing fails
}

func (f full) WriteAt(b []byte, off int64) (int, error) {
	if room := f.room.Load(); room >= 0 && int64(len(b)) > room {
		n, err := f.file.WriteAt(b[:room], off)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.file.WriteAt(b, off)
}

func (f full) Truncate(size int64) error {
	if f.sync.Load() {
		return syscall.EIO
	}
	return f.file.Truncate(size)
}

func (f full) Sync() error {
	if f.sync.Load() {
		return syscall.EIO
	}
	return f.file.Sync()
}

func TestFullDisk(t *testing.T) {
	var room atomic.Int64
	var failing atomic.Bool
	room.Store(-1)
	f := newFixture(t, func(o *Options) { o.SegmentSize = 4 << 10 })
	f.w.openFile = func(path string, flag int) (file, error) {
		if room.Load() == 0 {
			return nil, syscall.ENOSPC
		}
		inner, err := osFile(path, flag)
		return full{inner, &room, &failing}, err
	}
	written := int64(0)
	for i := range 200 {
		switch i % 10 {
		case 3:
			room.Store(int64(i)) // some bytes of the entry still fit
		case 5:
			room.Store(0)
		case 7:
			room.Store(-1)
			failing.Store(true)
		case 8:
			failing.Store(false)
		}
		r := query("ana", "bi")
		if i%10 == 7 { // longer than what is written over it
			r.Statement = strings.Repeat("x", 3000)
		}
		err := f.Append(t.Context(), r)
		if err == nil {
			written++
		} else if stead.CodeOf(err) != stead.Unavailable {
			t.Fatalf("append %d: %v", i, err)
		}
		if failed := f.Status().Err != nil; failed != (err != nil) {
			t.Errorf("append %d: %v, and the status has %v", i, err, f.Status().Err)
		}
	}
	if written < 80 || written > 160 {
		t.Errorf("%d of 200 were written", written)
	}
	f.wantWhole(written, f.Status().Head)
}

func TestFolderVanishes(t *testing.T) {
	f := newFixture(t, nil)
	f.append(1)
	aside := f.opt.Dir + ".aside"
	if err := os.Rename(f.opt.Dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(t.Context(), query("a", "b")); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("append to a folder that is gone: %v", err)
	}
	if err := os.Rename(aside, f.opt.Dir); err != nil {
		t.Fatal(err)
	}
	f.append(1)
	f.wantWhole(2)
}

func TestRetention(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.SegmentAge, o.Retain = time.Hour, 24*time.Hour })
	kept := f.Status().Head
	for i := range 30 {
		f.append(1)
		if i == 2 {
			kept = f.Status().Head
		}
		f.clock.advance(2 * time.Hour)
		if err := f.expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := f.verify(kept); !r.OK() {
			t.Fatalf("after %d: %v", i, r.Problems)
		}
	}
	r := f.verify(kept)
	if r.Writers[0].Removed == 0 || len(f.files()) > 16 {
		t.Errorf("nothing was removed: %d segments, %+v", len(f.files()), r.Writers[0])
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	f.append(1)
	if r := f.verify(kept); !r.OK() {
		t.Errorf("after opening again: %v", r.Problems)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.files()[0]); err != nil {
		t.Fatal(err)
	}
	if r := f.verify(); r.OK() || r.Problems[0].Kind != "removed" {
		t.Errorf("a segment removed by hand: %v", r.Problems)
	}
	if _, err := Open(t.Context(), f.opt); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("opened without a segment: %v", err)
	}
}

func TestHead(t *testing.T) {
	h := Head{Writer: "w-1", Seq: 12, Hash: sha256.Sum256(nil)}
	if got, err := ParseHead(h.String()); err != nil || got != h {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "a:b", "w:01:" + h.Hash.String(), "w:-1:" + h.Hash.String(), "w:1:AB", "W:1:" + h.Hash.String(),
		"w:1:" + strings.ToUpper(h.Hash.String()), h.String() + ":"} {
		if _, err := ParseHead(text); stead.CodeOf(err) != stead.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add("w:1:" + Hash{}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := ParseHead(text); err == nil && h.String() != text {
			t.Errorf("%q became %q", text, h)
		}
	})
}
