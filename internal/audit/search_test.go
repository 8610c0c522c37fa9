package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"stead"
)

// filled is a log of several segments in which record i has the query id "q<i>" and its own minute.
func filled(t *testing.T, n int) *fixture {
	f := newFixture(t, func(o *Options) { o.SegmentSize = 4 << 10 })
	for i := range n {
		r := query([]string{"ana", "bob"}[i%2], []string{"bi", "agent", "ana"}[i%3])
		r.QueryID, r.Time = fmt.Sprint("q", i), f.clock.Now()
		if i%5 == 0 {
			r.Status, r.Cause = stead.Unauthorized, "no subscription"
			r.Targets[0].Source, r.Targets[0].SourceName, r.Targets[0].Object.Path = 8, "Salaries", []string{"demo", "salaries"}
		}
		if err := f.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(time.Minute)
	}
	return f
}

func ids(entries []Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Record.QueryID)
	}
	return out
}

func TestSearchFilters(t *testing.T) {
	const n = 60
	f := filled(t, n)
	start := f.clock.Now().Add(-n * time.Minute)
	for name, c := range map[string]struct {
		filter Filter
		want   func(i int) bool
	}{
		"all":          {Filter{}, func(int) bool { return true }},
		"actor":        {Filter{Actor: "agent"}, func(i int) bool { return i%3 == 1 }},
		"subject":      {Filter{Subject: "bob"}, func(i int) bool { return i%2 == 1 }},
		"nobody":       {Filter{Subject: "bo"}, func(int) bool { return false }},
		"status":       {Filter{Statuses: []stead.RecordStatus{stead.Unauthorized}}, func(i int) bool { return i%5 == 0 }},
		"kind":         {Filter{Kinds: []stead.RecordKind{stead.SignIn}}, func(int) bool { return false }},
		"source name":  {Filter{Source: "Salaries"}, func(i int) bool { return i%5 == 0 }},
		"source path":  {Filter{Source: "demo.salaries"}, func(i int) bool { return i%5 == 0 }},
		"object":       {Filter{Source: "local:demo.hr_data"}, func(i int) bool { return i%5 != 0 }},
		"source id":    {Filter{Source: "8"}, func(i int) bool { return i%5 == 0 }},
		"own sources":  {Filter{Sources: []stead.SourceID{7}}, func(i int) bool { return i%5 != 0 }},
		"no sources":   {Filter{Sources: []stead.SourceID{}}, func(int) bool { return false }},
		"text":         {Filter{Text: "NO SUBscription"}, func(i int) bool { return i%5 == 0 }},
		"time":         {Filter{From: start.Add(10 * time.Minute), To: start.Add(20 * time.Minute)}, func(i int) bool { return i >= 10 && i < 20 }},
		"two at once":  {Filter{Actor: "bi", Subject: "ana"}, func(i int) bool { return i%6 == 0 }},
		"query":        {Filter{QueryID: "q17"}, func(i int) bool { return i == 17 }},
		"other server": {Filter{Connection: "elsewhere"}, func(int) bool { return false }},
	} {
		var want []string
		for i := n - 1; i >= 0; i-- {
			if c.want(i) {
				want = append(want, fmt.Sprint("q", i))
			}
		}
		for _, limit := range []int{1000, 7} {
			var got []string
			cursor := ""
			for pages := 0; ; pages++ {
				p, err := f.Search(t.Context(), c.filter, limit, cursor)
				if err != nil || len(p.Entries) > limit || pages > n {
					t.Fatalf("%s: %d entries, %v", name, len(p.Entries), err)
				}
				got = append(got, ids(p.Entries)...)
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s by %d: got %v, want %v", name, limit, got, want)
			}
		}
	}
}

func TestSearchPassesOverSegments(t *testing.T) {
	f := filled(t, 60)
	if f.Status().Segments < 5 {
		t.Fatalf("%d segments", f.Status().Segments)
	}
	if err := os.Remove(f.files()[2]); err != nil {
		t.Fatal(err)
	}
	last := Filter{From: f.clock.Now().Add(-5 * time.Minute)}
	for _, name := range f.files()[:3] { // if these were read the lines would count as damaged
		rewrite(t, name, bytes.Repeat([]byte("x\n"), 5000))
	}
	if p, err := f.Search(t.Context(), last, 0, ""); err != nil || p.Damaged != 0 || len(p.Entries) != 5 {
		t.Errorf("%d entries, %d damaged, %v", len(p.Entries), p.Damaged, err)
	}
	if p, err := f.Search(t.Context(), Filter{}, 0, ""); err != nil || p.Damaged == 0 {
		t.Errorf("damage was not told: %v", err)
	}
}

func TestSearchPagesStayWhileWriting(t *testing.T) {
	f := filled(t, 20)
	p, err := f.Search(t.Context(), Filter{}, 5, "")
	if err != nil {
		t.Fatal(err)
	}
	f.append(5)
	p, err = f.Search(t.Context(), Filter{}, 5, p.Next)
	if err != nil || ids(p.Entries)[0] != "q14" {
		t.Errorf("the second page begins with %v, %v", ids(p.Entries), err)
	}
}

func TestSearchSeveralWriters(t *testing.T) {
	f := filled(t, 20)
	other := *f
	other.opt.Writer = "w2"
	other.reopen()
	for range 10 {
		other.append(1)
		f.append(1)
		f.clock.advance(time.Second)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	last, cursor := f.clock.Now(), ""
	for {
		p, err := f.Search(t.Context(), Filter{}, 3, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			key := fmt.Sprint(e.Writer, e.Seq)
			if seen[key] || e.Record.Time.After(last) {
				t.Errorf("%s again or out of order", key)
			}
			seen[key], last = true, e.Record.Time
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 were found", len(seen))
	}
}

func TestCursor(t *testing.T) {
	f := newFixture(t, nil)
	for _, cursor := range []string{"x", "w1:", "w1:0", "w1:-1", "W:1", "w1:1,", "w1:1;w2:2"} {
		if _, err := f.Search(t.Context(), Filter{}, 1, cursor); stead.CodeOf(err) != stead.Invalid {
			t.Errorf("%q: %v", cursor, err)
		}
	}
	if p, err := f.Search(t.Context(), Filter{}, 1, ""); err != nil || len(p.Entries) != 0 || p.Next != "" {
		t.Errorf("an empty log: %+v, %v", p, err)
	}
}

func TestUnclosed(t *testing.T) {
	f := newFixture(t, nil)
	since := f.clock.Now()
	record := func(id string, kind stead.RecordKind, status stead.RecordStatus) {
		t.Helper()
		f.clock.advance(time.Second)
		if err := f.Append(t.Context(), stead.Record{Kind: kind, Status: status, QueryID: id}); err != nil {
			t.Fatal(err)
		}
	}
	record("closed", stead.QueryIntent, stead.Success)
	record("open", stead.QueryIntent, stead.Success)
	record("closed", stead.QueryOutcome, stead.Failure)
	record("denied", stead.QueryIntent, stead.Unauthorized)
	record("late", stead.QueryIntent, stead.Success)
	want := func(since, until time.Time, want ...string) {
		t.Helper()
		got, err := f.Unclosed(t.Context(), since, until)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, r := range got {
			have = append(have, r.QueryID)
		}
		if !slices.Equal(have, want) {
			t.Errorf("unclosed: %v, want %v", have, want)
		}
	}
	want(since, time.Time{}, "open", "late")
	want(since, f.clock.Now(), "open")
	want(f.clock.Now(), time.Time{}, "late")
}

func TestExport(t *testing.T) {
	f := newFixture(t, nil)
	f.clock.now.Store(time.Date(2021, 12, 16, 20, 0, 12, 850e6, time.UTC).UnixNano())
	r := query("smwilliams@example.com", "edixon@example.com")
	r.QueryID = "q"
	denied := query("ana", "bi")
	denied.Status, denied.Reason, denied.Targets = stead.Unauthorized, "there is no such table", nil
	for _, r := range []stead.Record{r, denied, {Kind: stead.QueryOutcome, Status: stead.Success, QueryID: "q", Rows: 10}, {Kind: stead.SignIn}} {
		if err := f.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	export := func(format Format) (out []map[string]any) {
		t.Helper()
		var b bytes.Buffer
		if err := f.Export(t.Context(), &b, Filter{}, format); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			out = append(out, m)
		}
		return out
	}
	if got := export(Records); len(got) != 4 || got[0]["seq"] != 1.0 || got[0]["record"].(map[string]any)["queryId"] != "q" {
		t.Errorf("records: %v", got)
	}
	legacy := export(Legacy)
	if len(legacy) != 2 {
		t.Fatalf("legacy: %v", legacy)
	}
	for _, m := range legacy {
		ok := m["success"].(bool)
		if !ok {
			if m["failureReason"] != "there is no such table" || m["userId"] != "ana" {
				t.Errorf("denied: %v", m)
			}
			continue
		}
		extra := m["extra"].(map[string]any)
		for key, want := range map[string]any{"dateTime": "1639684812850", "month": 1463.0, "userId": "smwilliams@example.com", "dataSourceId": 7.0,
			"dataSourceName": "Hr Data", "accessType": "query", "component": "dataSource", "dataSourceTableName": "demo_hr_data",
			"createdAt": "2021-12-16T20:00:12.850Z", "count": 1.0} {
			if m[key] != want {
				t.Errorf("%s is %v, want %v", key, m[key], want)
			}
		}
		if extra["impersonationUser"] != "edixon@example.com" || extra["queryText"] != "select * from demo.hr_data" ||
			fmt.Sprint(extra["metastoreTables"]) != "[demo.hr_data]" || fmt.Sprint(extra["maskedColumns"]) != "map[ssn:hash]" {
			t.Errorf("extra: %v", extra)
		}
	}
	if err := f.Export(t.Context(), &bytes.Buffer{}, Filter{}, ""); stead.CodeOf(err) != stead.Invalid {
		t.Errorf("no format: %v", err)
	}
}

// TestLines: reading backwards gives what reading forwards gives, whatever the lengths.
func TestLines(t *testing.T) {
	for _, sizes := range [][]int{{}, {1}, {1, 1, 1}, {piece - 1, 1, piece + 3}, {5, 3 * piece, 2, piece}, {maxLine - 1, 4}} {
		var b bytes.Buffer
		var want []string
		for i, n := range sizes {
			line := strings.Repeat(fmt.Sprint(i%10), n-1) + "\n"
			want = append(want, line)
			b.WriteString(line)
		}
		var got, back []string
		for l := newLines(bytes.NewReader(b.Bytes())); ; {
			line, err := l.next()
			if err != nil {
				break
			}
			got = append(got, string(line))
		}
		for r := newReverse(bytes.NewReader(b.Bytes()), int64(b.Len())); ; {
			line, err := r.next()
			if err != nil {
				break
			}
			back = append(back, string(line))
		}
		slices.Reverse(back)
		if !slices.Equal(got, want) || !slices.Equal(back, want) {
			t.Errorf("sizes %v: forwards %d lines, backwards %d", sizes, len(got), len(back))
		}
	}
}
