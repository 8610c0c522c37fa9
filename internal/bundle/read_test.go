package bundle

import (
	"errors"
	"strings"
	"testing"

	"stead"
)

// TestReadRefuses: every line of want must be among the problems, in this order.
func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"no kind", "name: ana\n", "b.yaml:1:1: kind is missing"},
		{"kind in another case", "kind: user\nname: ana\n", "b.yaml:1:1: kind: is not a kind"},
		{"a list", "- a\n", "b.yaml:1:1: a document is a mapping"},
		{"unknown member", "kind: User\nname: ana\ncolour: red\n", "b.yaml:3:1: colour: is not a member that is known"},
		{"another case", "kind: User\nname: ana\nDisplayName: A\n", "b.yaml:3:1: DisplayName: is not a member"},
		{"twice", "kind: User\nname: ana\nname: bo\n", "b.yaml:3:1: name: is given twice"},
		{"twice below", "kind: User\nname: ana\nattributes:\n  a: [x]\n  a: [y]\n", "b.yaml:5:3: attributes.a: is given twice"},
		{"missing member", "kind: Group\n", "b.yaml:1:1: name is missing"},
		{"null", "kind: User\nname: ana\nattributes:\n", "b.yaml:3:1: attributes: must be a mapping, not empty"},
		{"a number for a text", "kind: User\nname: ana\nattributes: {level: [7]}\n", "attributes.level[0]: must be a text, not a number (put it in quotes"},
		{"007 without quotes", "kind: User\nname: ana\nattributes: {level: [007]}\n", `"007" can be read in several ways (put it in quotes`},
		{"unknown permission", "kind: User\nname: ana\npermissions: [ROOT]\n", "b.yaml:3:15: permissions[0]: "},
		{"bad name", "kind: User\nname: \"a\\u0000b\"\n", "b.yaml:2:1: name: the user name holds a control"},
		{"described twice", "kind: User\nname: ana\n---\nkind: Agent\nname: ANA\n", `b.yaml:4:1: identity "ana" is described twice (the other stands at b.yaml:1:1`},
		{"a circle of groups", "kind: Group\nname: a\nmembers: [{type: group, name: b}]\n---\nkind: Group\nname: b\nmembers: [{type: group, name: a}]\n",
			`b.yaml:3:1: members: group "a" would be a member of itself (the circle is b in a in b)`},
		{"its own member", "kind: Group\nname: a\nmembers: [{type: group, name: a}]\n", `"a" would be a member of itself`},
		{"unset variable", "kind: Connection\nkey: l\nplatform: embedded\naddress: ${UNSET}/x\n", "b.yaml:4:1: address: variable UNSET is not set"},
		{"half a variable", "kind: Connection\nkey: l\nplatform: embedded\naddress: ${UN SET}/x\n", "b.yaml:4:1: address: holds a ${ that begins no variable"},
		{"connection in the data", "kind: DataSource\nconnectionKey: l\nconnection: {handler: x}\nsources: [{table: t}]\n", "b.yaml:3:1: connection: is not a member that is known here (describe the connection"},
		{"no tables", "kind: DataSource\nconnectionKey: l\nsources: []\n", "b.yaml:3:1: sources: "},
		{"unknown type", "kind: DataSource\nconnectionKey: l\nsources:\n  - table: t\n    columns: [{name: a, type: varchar2}]\n", "b.yaml:5:25: sources[0].columns[0].type: "},
		{"tagged twice", "kind: DataSource\nconnectionKey: l\nsources:\n  - table: t\n    tags: {columns: [{columnName: a, tags: [A]}, {columnName: a, tags: [B]}]}\n", `sources[0].tags.columns[1].columnName: column "a" is tagged twice`},
		{"no table's name", "kind: Project\nprojectKey: p\ndatasources: [hr]\n", `b.yaml:3:15: datasources[0]: "hr" does not name a table (write connection:schema.table)`},
		{"sub-purpose elsewhere", "kind: Purpose\nname: Research\nsubpurposes: [{name: Oncology}]\n", `subpurposes[0].name: does not lie under "Research" (write its whole name: Research.Oncology)`},
		{"policy member", "kind: Policy\npolicyKey: p\nname: p\ntype: data\nactions:\n  - rules:\n      - type: Masking\n        config:\n          fields: [{type: anyTag}]\n          maskingConfig: {type: Hash, lenght: 3}\ncircumstances: [{type: all}]\n",
			"b.yaml:10:39: actions[0].rules[0].config.maskingConfig.lenght: "},
		{"policy null mask without quotes", "kind: Policy\npolicyKey: p\nname: p\ntype: data\nactions:\n  - rules:\n      - type: Masking\n        config: {fields: [{type: anyTag}], maskingConfig: {type: Null}}\ncircumstances: [{type: all}]\n",
			"b.yaml:8:60: actions[0].rules[0].config.maskingConfig.type: must be a text"},
		{"policy sense", "kind: Policy\npolicyKey: p\nname: p\ntype: subscription\nactions: {type: anybody}\ncircumstances: [{type: all}]\n", "b.yaml:5:11: actions.type: "},
		{"anchor", "kind: User\nname: &a ana\n", "b.yaml:2:7: anchors are not read"},
		{"all at once", "kind: User\nname: ana\ncolour: red\nsize: 1\n---\nkind: Group\nnam: g\n", "b.yaml:3:1: colour\nb.yaml:4:1: size\nb.yaml:6:1: name is missing\nb.yaml:7:1: nam: "},
		{"test without an asker", "kind: Test\nname: x\nexpect: {}\n", "b.yaml:1:1: asker is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read([]File{{"b.yaml", []byte(tc.in)}}, env)
			if err == nil {
				t.Fatal("was read")
			}
			rest := err.Error()
			for want := range strings.SplitSeq(tc.want, "\n") {
				at := strings.Index(rest, want)
				if at < 0 {
					t.Fatalf("got\n%v\nwant %q", err, want)
				}
				rest = rest[at+len(want):]
			}
			var e *stead.Error
			if !errors.As(err, &e) || e.Code != stead.Invalid {
				t.Errorf("code of %v", err)
			}
		})
	}
}

func TestReadJSON(t *testing.T) {
	for _, tc := range []struct{ name, file, in, want string }{
		{"list of documents", "b.json", `[{"kind":"User","name":"ana"},{"kind":"Group","name":"g"}]`, ""},
		{"one after the other", "b.json", `{"kind":"User","name":"ana"}` + "\n" + `{"kind":"Group","name":"g"}`, ""},
		{"without an ending", "-", `{"kind":"User","name":"ana","attributes":{"a":["\ud83d\ude00\/"]}}`, ""},
		{"place", "b.json", "{\"kind\": \"User\",\n  \"name\": \"ana\",\n  \"colour\": 1}", "b.json:3:3: colour: "},
		{"twice", "b.json", `{"kind":"User","name":"ana","name":"bo"}`, "b.json:1:29: name: is given twice"},
		{"cut off", "b.json", `{"kind":"User"`, "it ends too early"},
		{"comma", "b.json", `{"kind":"User",}`, "b.json:1:"},
		{"deep", "b.json", strings.Repeat("[", 1_000_000), "nested deeper"},
		{"text after", "b.json", `{"kind":"User","name":"ana"} x`, "b.json:1:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read([]File{{tc.file, []byte(tc.in)}}, nil)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v; want %q", err, tc.want)
			}
		})
	}
}

func TestReadOne(t *testing.T) {
	if _, err := ReadPolicy([]byte(`{"policyKey":"p","name":"p","type":"subscription","actions":{"type":"manual"},"circumstances":[{"type":"all"}]}`)); err != nil {
		t.Error(err)
	}
	if _, err := ReadPolicy([]byte("kind: User\nname: ana\n")); err == nil {
		t.Error("a user passed for a policy")
	}
	b, err := ReadData([]byte("connectionKey: lake\nsources: [{schema: demo, table: t}]\n"))
	if err != nil || b.ConnectionKey() != "lake" {
		t.Errorf("%v", err)
	}
	if _, err := ReadData([]byte("connectionKey: a\nsources: [{table: t}]\n---\nconnectionKey: b\nsources: [{table: t}]\n")); err == nil {
		t.Error("two documents passed for one")
	}
}

func TestVariables(t *testing.T) {
	got := Variables([]File{{"a.yaml", []byte("kind: Connection\naddress: ${B}/${A}\ncredential: ${A}\n---\nkind: User\nname: ${C}\n")}, {"bad.yaml", []byte("a: [")}})
	if strings.Join(got, " ") != "A B" {
		t.Errorf("%q", got)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"kind: User\nname: ana\n", `{"kind":"Group","name":"g","members":[{"type":"group","name":"g"}]}`, "kind: Policy\nactions: [{rules: []}]\n",
		"a: |\n  x\nb: >-\n  y\n", "? a\n: b\n", "--- !!x\n&a [*a]\n", "kind: Test\nname: x\ntables: [{source: a.b, rows: [[1, null]]}]\n", "kind: DataSource\nconnectionKey: l\nsources: [{table: t, columns: [{name: a, type: 'struct(\"a\" int)'}]}]\n"} {
		f.Add("b.yaml", []byte(s))
		f.Add("b.json", []byte(s))
		f.Add("-", []byte(s))
	}
	f.Fuzz(func(t *testing.T, file string, src []byte) {
		b, err := Read([]File{{file, src}}, nil)
		if err == nil && b == nil {
			t.Error("neither a bundle nor an error")
		}
		var e *stead.Error
		if err != nil && (!errors.As(err, &e) || e.Code == stead.Internal) {
			t.Errorf("not for users: %v", err)
		}
		again, err2 := Read([]File{{file, src}}, nil)
		if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() || err == nil && len(again.items) != len(b.items) {
			t.Error("reading twice differs")
		}
	})
}

func FuzzScalars(f *testing.F) {
	f.Add([]byte("a:\n  b: 1\n"))
	f.Add([]byte("a: &x [*x]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := Scalars("c.yaml", src)
		if err != nil && got != nil && len(got) > 0 && stead.CodeOf(err) == stead.Internal {
			t.Error(err)
		}
		seen := map[string]bool{}
		for _, s := range got {
			if err == nil && seen[s.Name] {
				t.Errorf("%q is there twice", s.Name)
			}
			seen[s.Name] = true
		}
	})
}

// TestManyEntriesAreNoMapping: lists and documents are as long as they like, and depth counts what is open.
func TestManyEntriesAreNoMapping(t *testing.T) {
	for name, src := range map[string]string{
		"list":      "kind: Group\nname: g\nmembers:\n" + strings.Repeat("  - {type: user, name: ana}\n", 3*maxKeys),
		"documents": strings.Repeat("---\nkind: Setting\nname: a\nvalue: b\n", 3*maxKeys),
		"blocks":    "kind: Group\nname: g\nmembers:\n" + strings.Repeat("- type: user\n  name: ana\n", 3*maxKeys) + "email: x\n",
	} {
		if _, err := readTrees("b.yaml", []byte(src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
