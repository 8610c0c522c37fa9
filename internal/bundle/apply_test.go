package bundle

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// update rewrites the golden files.
var update = flag.Bool("update", false, "rewrite testdata")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s", name, got)
	}
}

func TestDemo(t *testing.T) {
	w := newWorld(t)
	before := w.revision()
	plan := w.apply(demo(t), Options{DryRun: true})
	golden(t, "demo.plan", plan.Text())
	if w.revision() != before {
		t.Fatal("a dry run changed something")
	}
	w.apply(demo(t), Options{})
	after := w.revision()
	if after == before {
		t.Fatal("nothing was applied")
	}
	again := w.apply(demo(t), Options{Name: DefaultName, Prune: true})
	golden(t, "demo_again.plan", again.Text())
	if w.revision() != after {
		t.Fatal("the same bundle again changed something")
	}
}

const before = `
kind: Connection
key: lake
platform: embedded
address: ${DATA}
---
kind: Purpose
name: Research
subpurposes: [{name: Research.Oncology, description: cancer}]
---
kind: User
name: ana@example.com
project: apollo
attributes: {department: [Sales]}
---
kind: User
name: bo@example.com
permissions: [IMPERSONATE_USER]
impersonates: {users: [ana@example.com], groups: [inner]}
---
kind: Group
name: outer
members: [{type: group, name: inner}, {type: user, name: bo@example.com}]
---
kind: Group
name: inner
members: [{type: user, name: Ana@Example.com}]
---
kind: DataSource
connectionKey: lake
nameTemplate: {dataSourceFormat: "<schema> <tablename>"}
options: {tableTags: [All]}
owners: [{type: group, name: outer}]
sources:
  - {schema: demo, table: hr_data, tags: {table: [HR], columns: [{columnName: ssn, tags: [PII.SSN]}]}}
  - {schema: demo, table: declared, location: x.csv, columns: [{name: a, type: "decimal(10,2)"}]}
  - {schema: demo, table: departments}
---
kind: Policy
policyKey: read
name: Read
type: subscription
actions: {type: manual}
circumstances: [{type: tags, tag: HR}]
---
kind: Project
projectKey: apollo
name: Apollo
purposes: [Research.Oncology]
members: [{type: user, name: ana@example.com}]
datasources: ["lake:demo.hr_data"]
---
kind: Subscription
source: lake:demo.hr_data
principal: {type: group, name: inner}
---
kind: Setting
name: impersonation.administrators
value: "true"
`

const after = `
kind: Connection
key: lake
platform: embedded
address: ${ELSEWHERE}
---
kind: Purpose
name: Research
---
kind: User
name: ana@example.com
displayName: "Ana\nB"
attributes: {department: [Sales, Finance]}
---
kind: Group
name: inner
members: [{type: group, name: newer}]
---
kind: Group
name: newer
members: [{type: user, name: ana@example.com}]
---
kind: DataSource
connectionKey: lake
owners: [{type: user, name: ana@example.com}]
sources:
  - {schema: demo, table: hr_data, tags: {table: [HR.More], columns: [{columnName: email, tags: [PII]}]}}
  - {schema: demo, table: declared, columns: [{name: a, type: "decimal(10,2)"}, {name: b, type: text}]}
---
kind: Policy
policyKey: read
name: Read
type: subscription
actions: {type: entitlements, entitlements: {groups: [nobody]}, automaticSubscription: true}
circumstances: [{type: tags, tag: HR}, {type: tags, tag: Unknown.Tag}]
`

func TestUpdateAndPrune(t *testing.T) {
	w := newWorld(t)
	golden(t, "before.plan", w.apply(before, Options{Name: "team"}).Text())
	if w.crawls != 1 {
		t.Errorf("looked %d times", w.crawls)
	}
	r := w.revision()
	if p := w.apply(before, Options{Name: "team", Prune: true}); w.revision() != r {
		t.Fatalf("the same again changed something:\n%s", p.Text())
	}
	// What another bundle made stays, whoever describes it too.
	w.apply("kind: Group\nname: other\n---\nkind: Group\nname: inner\nmembers: [{type: user, name: ana@example.com}]\n", Options{Name: "others"})
	golden(t, "after.dry.plan", w.apply(after, Options{Name: "team", Prune: true, DryRun: true}).Text())
	golden(t, "after.plan", w.apply(after, Options{Name: "team", Prune: true}).Text())
	r = w.revision()
	if p := w.apply(after, Options{Name: "team", Prune: true}); w.revision() != r {
		t.Fatalf("the same again changed something:\n%s", p.Text())
	}
	if w.crawls != 3 { // for the new table with declared columns, in the plan and when it is applied
		t.Errorf("looked %d times, and all other tables were registered", w.crawls)
	}
	for key, noun := range map[string]store.Noun{store.GroupKey("bim", "other"): store.Groups, stead.ImpersonateAdministrators: store.Settings} {
		if w.row(noun, key) == nil {
			t.Errorf("%q was pruned", key)
		}
	}
}

// row is the document with the key, nil if there is none.
func (w *world) row(noun store.Noun, key string) []byte {
	w.t.Helper()
	var out []byte
	err := w.store.View(ctx, func(r store.Reader) error {
		row, err := r.Find(ctx, noun, key)
		if stead.CodeOf(err) == stead.NotFound {
			return nil
		}
		out = row.Doc
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestSwitchesStay: what is switched while the system runs is no business of a document that does not mention it.
func TestSwitchesStay(t *testing.T) {
	w := newWorld(t)
	w.apply(before, Options{})
	object := stead.Object{Connection: "lake", Kind: stead.TableObject, Path: []string{"demo", "hr_data"}}
	_, err := w.govern.Apply(ctx, w.admin, govern.DisableIdentity{Name: "bo@example.com", Disabled: true},
		govern.SetSourceState{Object: object, State: stead.Drifted, Reason: "changed"},
		govern.PutConnection{Connection: stead.Connection{Key: "lake", Platform: stead.Embedded, Address: "/data/data", Disabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	w.content[0].Columns = w.content[0].Columns[1:] // what is behind the table has changed
	r := w.revision()
	if p := w.apply(before, Options{Name: DefaultName, Prune: true}); w.revision() != r {
		t.Fatalf("something was switched:\n%s", p.Text())
	}
	on := strings.NewReplacer("table: hr_data,", "table: hr_data, state: active,", "project: apollo\n", "project: apollo\ndisabled: false\n").Replace(before)
	if p := w.apply(on, Options{}); !strings.Contains(p.Text(), "is served again") {
		t.Errorf("not switched on:\n%s", p.Text())
	}
}

// TestPlatforms: a connection that people reach directly, its tables and who is called what there.
func TestPlatforms(t *testing.T) {
	const doc = `
kind: Connection
key: hr
platform: postgresql
address: postgres://svc@${HOST}/hr?sslmode=verify-full
credential: ${NAME}
settings: {exempt: "etl, dba", drift: %s}
---
kind: User
name: cy
external: {postgresql: cyrus}
---
kind: DataSource
connectionKey: hr
sources:
  - {schema: hr, table: emp, columns: [{name: id, type: int}]}
`
	w := newWorld(t)
	apply := func(drift string) *Plan {
		b, err := Read([]File{{Name: "b.yaml", Text: []byte(strings.Replace(doc, "%s", drift, 1))}}, func(name string) (string, bool) { return "db-" + strings.ToLower(name), true })
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.Apply(ctx, w.govern, w.admin, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	apply("refuse")
	row, err := w.govern.Get(ctx, w.admin, store.Connections, "hr")
	if err != nil {
		t.Fatal(err)
	}
	c, err := store.Decode[stead.Connection](row)
	if err != nil || c.Address != "postgres://svc@db-host/hr?sslmode=verify-full" || c.Credential != "db-name" || c.Settings["exempt"] != "etl, dba" {
		t.Errorf("%+v, %v", c, err)
	}
	r := w.revision()
	if apply("refuse"); w.revision() != r {
		t.Error("the same again changed something")
	}
	if text := apply("report").Text(); !strings.Contains(text, "met with report instead of refuse") {
		t.Errorf("the widening is not said:\n%s", text)
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"every unknown name", "kind: Group\nname: g\nmembers: [{type: user, name: cy}, {type: group, name: h}]\n---\nkind: Project\nprojectKey: p\npurposes: [P]\ndatasources: [\"lake:a.b\"]\n",
			`b.yaml:3:11: members[0]: identity "cy" does not exist
b.yaml:3:35: members[1]: group "h" does not exist
b.yaml:7:12: purposes[0]: purpose "P" does not exist
b.yaml:8:15: datasources[0]: data source "lake:a.b" does not exist`},
		{"tag on a missing column", "kind: DataSource\nconnectionKey: lake\nsources:\n  - {schema: demo, table: hr_data, tags: {columns: [{columnName: nope, tags: [A]}]}}\n",
			`b.yaml:4:54: sources[0].tags.columns[0].columnName: lake:demo.hr_data has no column "nope" (its columns are ssn`},
		{"table that is not there", "kind: DataSource\nconnectionKey: lake\nsources:\n  - {schema: demo, table: nope}\n", `b.yaml:4:20: sources[0].table: lake:demo.nope was not found`},
		{"unreadable table", "kind: DataSource\nconnectionKey: lake\nsources:\n  - {schema: demo, table: reviews}\n", `lake:demo.reviews cannot be served: broken`},
		{"platform without an engine", "kind: Connection\nkey: c\nplatform: trino\naddress: x\n", "b.yaml:3:1: platform: "},
		{"password in an address", "kind: Connection\nkey: c\nplatform: postgresql\naddress: postgres://svc:s3cr3t@db/hr\n", "b.yaml:4:1: address: holds a password"},
		{"address that is none", "kind: Connection\nkey: c\nplatform: postgresql\naddress: db\n", "b.yaml:4:1: address: "},
		{"setting of a platform", "kind: Connection\nkey: c\nplatform: postgresql\naddress: postgres://svc@db/hr\nsettings: {exempt: a, drift: shrug}\n", `b.yaml:5:23: settings.drift: "shrug" is not a policy for drift`},
		{"unknown setting of a platform", "kind: Connection\nkey: c\nplatform: postgresql\naddress: postgres://svc@db/hr\nsettings: {colour: red}\n", "b.yaml:5:12: settings.colour: "},
		{"location on a platform", "kind: Connection\nkey: c\nplatform: postgresql\naddress: postgres://svc@db/hr\n---\nkind: DataSource\nconnectionKey: c\nsources:\n  - {schema: hr, table: emp, location: x.csv, columns: [{name: id, type: int}]}\n", "location: is not for tables"},
		{"bad attribute", "kind: User\nname: cy\nattributes: {a: [\"x\\0\"]}\n", "b.yaml:3:14: attributes.a: "},
		{"a circle with what is there", "kind: Group\nname: inner\nmembers: [{type: group, name: outer}]\n", `b.yaml:3:1: members: group "inner" would be a member of itself`},
		{"unknown setting", "kind: User\nname: cy\n---\nkind: Setting\nname: x\nvalue: y\n", `b.yaml:5:1: name: setting "x" is not known`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.apply(before, Options{})
			w.content[2].Problem = "broken"
			r := w.revision()
			for _, dry := range []bool{true, false} {
				_, err := read(t, tc.in).Apply(ctx, w.govern, w.admin, w, Options{DryRun: dry})
				if err == nil || !inOrder(err.Error(), tc.want) {
					t.Errorf("got\n%v\nwant\n%s", err, tc.want)
				}
			}
			if w.revision() != r {
				t.Error("something was changed")
			}
		})
	}
}

func inOrder(got, want string) bool {
	for line := range strings.SplitSeq(want, "\n") {
		at := strings.Index(got, line)
		if at < 0 {
			return false
		}
		got = got[at+len(line):]
	}
	return true
}

// TestRightsComeFirst: who may not change something learns nothing from a bundle about what is there.
func TestRightsComeFirst(t *testing.T) {
	w := newWorld(t)
	w.apply(before+"---\nkind: User\nname: eve\n", Options{})
	for _, tc := range []struct{ in, is, isNot string }{
		{"kind: Group\nname: g\nmembers: [{type: user, name: %s}]\n", "bo@example.com", "cy@example.com"},
		{"kind: User\nname: x\nproject: %s\n", "apollo", "gemini"},
		{"kind: DataSource\nconnectionKey: lake\nsources: [{schema: demo, table: %s, tags: {columns: [{columnName: x, tags: [A]}]}}]\n", "hr_data", "nothing"},
		{"kind: DataSource\nconnectionKey: %s\nsources: [{schema: demo, table: new}]\n", "lake", "sea"},
		{"kind: Subscription\nsource: \"lake:demo.%s\"\nprincipal: {type: user, name: eve}\n", "hr_data", "nothing"},
		{"kind: Project\nprojectKey: q\ndatasources: [\"lake:demo.%s\"]\n", "hr_data", "nothing"},
		{"kind: Project\nprojectKey: %s\n", "apollo", "gemini"},
		{"kind: Policy\npolicyKey: %s\nname: p\ntype: subscription\nactions: {type: manual}\ncircumstances: [{type: all}]\n", "read", "other"},
	} {
		var texts []string
		for _, name := range []string{tc.is, tc.isNot} {
			_, err := read(t, strings.ReplaceAll(tc.in, "%s", name)).Apply(ctx, w.govern, w.as("eve"), w, Options{DryRun: true})
			if stead.CodeOf(err) != stead.Denied {
				t.Errorf("%s: %v", name, err)
				continue
			}
			texts = append(texts, strings.ReplaceAll(err.Error(), name, "NAME"))
		}
		if len(slices.Compact(texts)) != 1 {
			t.Errorf("%q tells names apart: %q", tc.in, texts)
		}
	}
	if w.crawls != 1 {
		t.Error("looked at a connection for somebody who may not")
	}
}

// TestCrawlNeedsTheRightToPointAnywhere: reading a folder that no connection names is for who may make connections.
func TestCrawlNeedsTheRightToPointAnywhere(t *testing.T) {
	w := newWorld(t)
	w.apply("kind: User\nname: cy\npermissions: [CREATE_DATA_SOURCE]\n", Options{})
	in := "kind: Connection\nkey: lake\nplatform: embedded\naddress: /etc\n---\nkind: DataSource\nconnectionKey: lake\nsources: [{schema: demo, table: hr_data}]\n"
	_, err := read(t, in).Apply(ctx, w.govern, w.as("cy"), w, Options{DryRun: true})
	if stead.CodeOf(err) != stead.Denied || w.crawls != 0 {
		t.Errorf("%v, looked %d times", err, w.crawls)
	}
}

func TestPlanJSON(t *testing.T) {
	w := newWorld(t)
	w.apply(before, Options{})
	p := w.apply("kind: Purpose\nname: Research\ndescription: x\n", Options{DryRun: true})
	got, err := json.Marshal(p)
	want := `{"bundle":"default","dryRun":true,"edits":[{"op":"update","noun":"purpose","key":"Research","place":"b.yaml:1:1","fields":[{"path":"description","after":"x"}]}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

// TestPlanWarns: what fits no table, or names what nobody has, is said in the plan and applied as the policy language says.
func TestPlanWarns(t *testing.T) {
	w := newWorld(t)
	w.apply(before, Options{})
	p := w.apply(`
kind: Policy
policyKey: lost
name: Lost
type: data
actions:
  - rules:
      - type: Row Restriction by Custom Where Clause
        config: {predicate: "nope = 'x'"}
circumstances: [{type: tags, tag: HR}]
---
kind: Policy
policyKey: idle
name: Idle
type: subscription
actions: {type: manual}
circumstances: [{type: tags, tag: Nobody}]
`, Options{DryRun: true})
	golden(t, "warnings.plan", p.Text())
}

func TestPruningNeedsAName(t *testing.T) {
	w := newWorld(t)
	_, err := read(t, demo(t)).Apply(ctx, w.govern, w.admin, w, Options{Prune: true})
	if stead.CodeOf(err) != stead.Invalid {
		t.Errorf("pruning without a name: %v", err)
	}
}
