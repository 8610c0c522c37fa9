package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	"stead/internal/govern"
	"stead/policy"
	"stead/policy/expr"
)

// TestLeakBadInput: what is wrong is refused with a clear error, and the rest goes on.
func TestLeakBadInput(t *testing.T) {
	data := t.TempDir()
	must(t, os.Mkdir(filepath.Join(data, "public"), 0o755))
	h := newHouse(t, data, houseOptions{segment: 1 << 20})
	h.people(stead.Identity{Kind: stead.User, Name: "ana", Attributes: stead.Attributes{"region": {"EU"}}})
	h.file("hr", "id,region,ssn\n1,EU,CANARY-1\n2,CANARYLAND,CANARY-2\n3,EU,CANARY-3\n")
	h.file("other", "id\n7\n")
	h.table("hr", "public/hr.csv", []string{"id BIGINT", "region VARCHAR", "ssn VARCHAR"}, map[string]stead.Tag{"ssn": "PII"})
	h.table("other", "public/other.csv", []string{"id BIGINT"}, nil)
	h.policies(`{"policyKey":"open","name":"Open","type":"subscription","circumstances":[{"type":"all"}],"actions":{"type":"anyone","automaticSubscription":true}}`,
		leakPolicies[1], ssnPolicy("ssn", "PII"))
	play(t, h, inputScenes)
	if logs := h.logs.String(); strings.Contains(logs, "CANARY") {
		t.Errorf("the log holds data: %.600s", logs[max(0, strings.Index(logs, "CANARY")-300):])
	}
}

func ssnPolicy(key, tag string) string {
	return fmt.Sprintf(`{"policyKey":%q,"name":%q,"type":"data","circumstances":[{"type":"columnTags","columnTag":%q}],"actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":%q}],"maskingConfig":{"type":"Null"}}}]}]}`,
		key, key, tag, tag)
}

// file replaces a CSV file; its time changes for certain.
func (h *leakHouse) file(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.data, "public", name+".csv")
	must(h.t, os.WriteFile(path, []byte(text), 0o644))
	later := time.Now().Add(time.Duration(len(text)) * time.Second)
	must(h.t, os.Chtimes(path, later, later))
}

// tried says how an edit ended: by its code.
func (h *leakHouse) tried(edits ...govern.Edit) string {
	r, err := h.govern.Apply(context.Background(), h.admin, edits...)
	h.world.Refresh(context.Background())
	switch {
	case err != nil:
		return stead.CodeOf(err).String()
	case len(r.Outcomes[0].Warnings) > 0:
		return "accepted with a warning"
	}
	return "accepted"
}

const hrSQL = "select id, ssn from hr order by id"

var inputScenes = []scene{
	{"as it should be", "1| 3|, 7", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "ana", ""), hrSQL, "select id from other")
	}},
	{"a CSV whose columns changed: that table is refused with the reason, the rest works", "!55000 names the column, 7, 1| 3|", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		w.query(hrSQL)
		h.file("hr", "id,area,ssn\n1,EU,CANARY-1\n")
		r := w.query(hrSQL)
		out := r.text()
		if strings.Contains(string(r.raw), `column "region" is gone`) {
			out += " names the column"
		}
		out += ", " + steps(w, "select id from other")
		h.file("hr", "id,region,ssn\n1,EU,CANARY-1\n2,CANARYLAND,CANARY-2\n3,EU,CANARY-3\n")
		return out + ", " + steps(w, hrSQL)
	}},
	{"a CSV with a value that no longer fits its column, in a hidden row: refused without the value", "!55000, 7", func(t *testing.T, h *leakHouse) string {
		h.file("hr", "id,region,ssn\n1,EU,CANARY-1\nCANARY,CANARYLAND,CANARY-2\n3,EU,CANARY-3\n")
		w := h.as(t, "ana", "")
		r := w.query(hrSQL)
		if shown(r, &attempt{}) != nil {
			return string(r.raw)
		}
		out := r.text() + ", " + steps(w, "select id from other")
		h.file("hr", "id,region,ssn\n1,EU,CANARY-1\n2,CANARYLAND,CANARY-2\n3,EU,CANARY-3\n")
		return out
	}},
	{"a file that is gone", "!57P03, 7", func(t *testing.T, h *leakHouse) string {
		path := filepath.Join(h.data, "public", "hr.csv")
		must(t, os.Rename(path, path+".away"))
		defer func() { must(t, os.Rename(path+".away", path)) }()
		return steps(h.as(t, "ana", ""), hrSQL, "select id from other")
	}},
	{"a data folder that vanishes, and comes back", "!57P03, !57P03, hr other, 7", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		must(t, os.Rename(h.data, h.data+".away"))
		out := steps(w, hrSQL, "select id from other", "select relname from pg_class where relname in ('hr', 'other') order by 1")
		must(t, os.Rename(h.data+".away", h.data))
		return out + ", " + steps(w, "select id from other")
	}},
	{"a symbolic link out of the data folder", "!42601, 7", func(t *testing.T, h *leakHouse) string {
		path := filepath.Join(h.data, "public", "hr.csv")
		must(t, os.Rename(path, path+".away"))
		must(t, os.Symlink("/etc/passwd", path))
		defer func() { must(t, os.Remove(path)); must(t, os.Rename(path+".away", path)) }()
		return steps(h.as(t, "ana", ""), hrSQL, "select id from other")
	}},
	{"a table whose location leaves the data folder", "invalid invalid invalid", func(t *testing.T, h *leakHouse) string {
		var out []string
		for _, at := range []string{"../../etc/passwd", "/etc/passwd", "public/../../x.csv"} {
			d := stead.DataSource{Connection: "lake", Path: []string{"public", "out"}, Location: at, Columns: []stead.Column{{Name: "a", Type: expr.TextType}}}
			if said := h.tried(govern.PutSource{Source: d}); said != "accepted" {
				out = append(out, said)
				continue
			}
			out = append(out, h.as(t, "ana", "").query("select * from public.out").text())
		}
		return strings.Join(out, " ")
	}},
	{"attribute values with quotes, newlines, NUL, patterns and SQL: nobody's rows", "none", func(t *testing.T, h *leakHouse) string {
		for i, value := range []string{"EU') OR TRUE --", "EU' OR '1'='1", "'", `"`, `\`, "EU\n", "EU\x00", "\x00", "%", "_U", "EU;", "E'U'", "$$EU$$", "eu",
			"EU ", "ＥＵ", strings.Repeat("EU", 100_000), "CANARYLAND'--", "\u2028", "${region}", "@attributeValuesContains('a','b')"} {
			name := fmt.Sprintf("odd%d", i)
			id := stead.Identity{Kind: stead.User, Name: name, Attributes: stead.Attributes{"region": {value}}}
			if said := h.tried(govern.PutIdentity{Identity: id}); said != "accepted" {
				if said != "invalid" {
					return fmt.Sprintf("%q: %s", value, said)
				}
				continue
			}
			h.people(id)
			if got := h.as(t, name, "").query("select count(*) from hr").text(); got != "0" {
				return fmt.Sprintf("%.40q: %s", value, got)
			}
		}
		return "none"
	}},
	{"attribute names of the same sort", "none", func(t *testing.T, h *leakHouse) string {
		for i, name := range []string{"region') --", "region\x00", "REGION", " region", "region.x", ""} {
			id := stead.Identity{Kind: stead.User, Name: fmt.Sprintf("named%d", i), Attributes: stead.Attributes{name: {"EU"}}}
			if h.tried(govern.PutIdentity{Identity: id}) != "accepted" {
				continue
			}
			h.people(id)
			if got := h.as(t, id.Name, "").query("select count(*) from hr").text(); got != "0" {
				return fmt.Sprintf("%q: %s", name, got)
			}
		}
		return "none"
	}},
	{"a cycle of groups", "accepted, accepted, invalid", func(t *testing.T, h *leakHouse) string {
		group := func(name string, members ...string) govern.Edit {
			g := stead.Group{Name: name}
			for _, m := range members {
				g.Members = append(g.Members, stead.Principal{Kind: stead.GroupPrincipal, Name: m})
			}
			return govern.PutGroup{Group: g}
		}
		return h.tried(group("a")) + ", " + h.tried(group("b", "a")) + ", " + h.tried(group("a", "b"))
	}},
	{"a policy about a tag that nothing has: it changes nothing", "accepted with a warning, 1| 3|", func(t *testing.T, h *leakHouse) string {
		p, err := policy.Decode([]byte(ssnPolicy("unknown-tag", "No.Such.Tag")))
		must(t, err)
		return h.tried(govern.PutPolicy{Policy: p}) + ", " + steps(h.as(t, "ana", ""), hrSQL)
	}},
	{"a row rule about a column that is not there: no rows of that table, the rest works", "accepted with a warning, ok, 7, 1| 3|", func(t *testing.T, h *leakHouse) string {
		p, err := policy.Decode([]byte(`{"policyKey":"missing","name":"Missing","type":"data","circumstances":[{"type":"columnName","columnName":"ssn"}],"actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"nosuch = 'x'"}}]}]}`))
		must(t, err)
		out := h.tried(govern.PutPolicy{Policy: p})
		w := h.as(t, "ana", "")
		out += ", " + steps(w, hrSQL, "select id from other")
		h.change(govern.DeletePolicy{Key: "missing"})
		return out + ", " + steps(w, hrSQL)
	}},
	{"a mask whose constant holds quotes and SQL", `1|'"; drop table hr -- 3|'"; drop table hr --`, func(t *testing.T, h *leakHouse) string {
		h.change(govern.DeletePolicy{Key: "ssn"})
		h.policies(`{"policyKey":"quoted","name":"Q","type":"data","circumstances":[{"type":"columnTags","columnTag":"PII"}],"actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII"}],"maskingConfig":{"type":"Constant","constant":"'\"; drop table hr --"}}}]}]}`)
		out := steps(h.as(t, "ana", ""), hrSQL)
		h.change(govern.DeletePolicy{Key: "quoted"})
		h.policies(ssnPolicy("ssn", "PII"))
		return out
	}},
	{"user names and passwords of the same sort at sign-in", "all refused", func(t *testing.T, h *leakHouse) string {
		for _, user := range []string{"' or 1=1 --", "ana' --", "ana\n", "ANA ", "*", strings.Repeat("a", 5_000), "ｂｉ", "bim:", ":ana", "other:ana"} {
			dsn := fmt.Sprintf("postgres://%s:%s@%s/lake?sslmode=disable", url.QueryEscape(user), url.QueryEscape("' or 1=1 --"), h.addr)
			if c, err := pgconn.Connect(t.Context(), dsn); err == nil {
				_ = c.Close(t.Context())
				return fmt.Sprintf("%q was let in", user)
			}
		}
		return "all refused"
	}},
	{"a name of 4 MB, and one with control characters: refused, recorded, and the session goes on", "!54000, !42P01, 7", func(t *testing.T, h *leakHouse) string {
		return steps(h.as(t, "ana", ""), `select * from "`+strings.Repeat("x", 4<<20)+`"`, "select * from \"\x1b[2J\r\n\x07\"", "select id from other")
	}},
	{"an error repeats no more than a line of what was sent", "short", func(t *testing.T, h *leakHouse) string {
		long := strings.Repeat("x", 1<<20)
		for _, sql := range []string{`select * from "` + long + `"`, "set " + long + " = 1", "set application_name = '" + long + "'", "show " + long, "fetch 1 from " + long,
			"select " + long + "()", "select '1'::" + long, "savepoint " + long + "; rollback to y", "copy (select 1) to stdout (" + long + " 1)", "deallocate " + long, "set datestyle = '" + long + "'",
			"set immuta.impersonate.user = '" + long + "'", long, "select 1 " + long + " " + long} {
			if r := h.as(t, "ana", "").query(sql); len(r.raw) > 2000 {
				return fmt.Sprintf("%.40s: %d bytes", sql, len(r.raw))
			}
		}
		return "short"
	}},
	{"an unknown user, a wrong key, a disabled user: one text", "same", func(t *testing.T, h *leakHouse) string {
		h.people(stead.Identity{Kind: stead.User, Name: "off"})
		h.change(govern.DisableIdentity{Name: "off", Disabled: true})
		texts := map[string]bool{}
		for user, secret := range map[string]string{"nobody": "x", "ana": "x", "off": h.secrets["off"], "other": h.secrets["ana"]} {
			_, err := pgconn.Connect(t.Context(), fmt.Sprintf("postgres://%s:%s@%s/lake?sslmode=disable", user, url.QueryEscape(secret), h.addr))
			var e *pgconn.PgError
			if !errors.As(err, &e) {
				return fmt.Sprint(user, " was let in")
			}
			texts[strings.ReplaceAll(e.Code+" "+e.Message+" "+e.Hint, `"`+user+`"`, "")] = true
		}
		if len(texts) == 1 {
			return "same"
		}
		return fmt.Sprint(texts)
	}},
	{"statements with bytes that are no UTF-8, and with NUL", "!22021, no NUL, 7", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		out := steps(w, "select '\xff\xfe'")
		if r := w.prepared("select $1::text", 0, "a\x00b"); strings.Contains(r.text(), "b") {
			return "NUL went through"
		}
		return out + ", no NUL, " + steps(w, "select id from other")
	}},
	{"a full disk under the audit segments: no byte of an answer without its record", "7, refused, 7", func(t *testing.T, h *leakHouse) string {
		w := h.as(t, "ana", "")
		before := steps(w, "select id from other")
		during := "refused"
		withFullDisk(t, filepath.Join(h.dir, "audit"), func() {
			for range 3 {
				if got := steps(w, "select id from other"); got != "!57P03" {
					during = got
				}
			}
		})
		return before + ", " + during + ", " + steps(w, "select id from other")
	}},
}

// withFullDisk lets no file of this process grow past the size of the largest in the folder.
func withFullDisk(t *testing.T, dir string, f func()) {
	t.Helper()
	var size int64
	must(t, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, ierr := d.Info(); ierr == nil {
				size = max(size, info.Size())
			}
		}
		return err
	}))
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	full := was
	full.Cur = uint64(size)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full))
	defer func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)) }()
	f()
}
