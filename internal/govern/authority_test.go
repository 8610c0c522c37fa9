package govern

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stead"
	"stead/internal/store"
)

type crawlerFunc func() ([]Discovered, error)

func (f crawlerFunc) Crawl(context.Context, stead.Connection) ([]Discovered, error) { return f() }

// asks is one thing that a caller can ask for, by name, with the permissions of which any suffices.
type asks struct {
	needs []stead.Permission
	edit  func(t *testing.T) Edit
	call  func(w *world, c Caller) error
}

// everything that callers can ask for; TestEverythingHasAPermission fails for what is missing here.
func everything() map[string]asks {
	object := hr()
	pending := stead.Subscription{Source: object, Principal: userPrincipal("ana"), State: stead.Pending}
	e := func(e Edit) func(*testing.T) Edit { return func(*testing.T) Edit { return e } }
	return map[string]asks{
		"PutIdentity":         {needs: []stead.Permission{stead.UserAdmin}, edit: e(aUser("new"))},
		"DeleteIdentity":      {needs: []stead.Permission{stead.UserAdmin}, edit: e(DeleteIdentity{Name: "ana"})},
		"DisableIdentity":     {needs: []stead.Permission{stead.UserAdmin}, edit: e(DisableIdentity{Name: "ana", Disabled: true})},
		"PutGroup":            {needs: []stead.Permission{stead.UserAdmin}, edit: e(PutGroup{stead.Group{Name: "G"}})},
		"DeleteGroup":         {needs: []stead.Permission{stead.UserAdmin}, edit: e(DeleteGroup{Name: "HR"})},
		"PutConnection":       {needs: []stead.Permission{stead.ApplicationAdmin}, edit: e(PutConnection{stead.Connection{Key: "k", Platform: stead.Embedded, Address: "a"}})},
		"DeleteConnection":    {needs: []stead.Permission{stead.ApplicationAdmin}, edit: e(DeleteConnection{Key: "empty"})},
		"PutSource":           {needs: []stead.Permission{stead.CreateDataSource}, edit: e(PutSource{stead.DataSource{Connection: "wh", Path: []string{"demo", "pay"}, Columns: hrSource().Source.Columns}})},
		"DeleteSource":        {needs: []stead.Permission{stead.ApplicationAdmin}, edit: e(DeleteSource{object})},
		"PutTags":             {needs: []stead.Permission{stead.Governance}, edit: e(PutTags{Object: object, Tags: []stead.Tag{"A"}})},
		"SetSourceState":      {needs: []stead.Permission{stead.ApplicationAdmin}, edit: e(SetSourceState{Object: object, State: stead.Disabled})},
		"PutPolicy":           {needs: []stead.Permission{stead.Governance}, edit: func(t *testing.T) Edit { return aPolicy(t, strings.Replace(maskSSN, `"mask"`, `"other"`, 1)) }},
		"DeletePolicy":        {needs: []stead.Permission{stead.Governance}, edit: e(DeletePolicy{"mask"})},
		"PutPurpose":          {needs: []stead.Permission{stead.Governance, stead.ProjectManagement}, edit: e(PutPurpose{stead.Purpose{Key: "X"}})},
		"DeletePurpose":       {needs: []stead.Permission{stead.Governance}, edit: e(DeletePurpose{"Research"})},
		"PutProject":          {needs: []stead.Permission{stead.CreateProject}, edit: e(PutProject{stead.Project{Key: "gemini"}})},
		"DeleteProject":       {needs: []stead.Permission{stead.Governance}, edit: e(DeleteProject{"apollo"})},
		"SwitchProject":       {edit: e(SwitchProject{})},
		"PutSubscription":     {needs: []stead.Permission{stead.Governance}, edit: e(PutSubscription{pending})},
		"DeleteSubscription":  {needs: []stead.Permission{stead.Governance}, edit: e(DeleteSubscription{Source: object, Principal: groupPrincipal("HR")})},
		"RequestSubscription": {edit: e(RequestSubscription{Source: object})},
		"DecideSubscription":  {needs: []stead.Permission{}, edit: e(DecideSubscription{Source: object, Principal: groupPrincipal("HR"), Approve: true})},
		"PutSetting":          {needs: []stead.Permission{stead.ApplicationAdmin}, edit: e(PutSetting{stead.Setting{Name: stead.ImpersonateAdministrators, Value: "true"}})},
		"Unchanged": {needs: []stead.Permission{stead.ApplicationAdmin}, edit: e(Unchanged{}), call: func(w *world, c Caller) error {
			row, err := w.Get(ctx, w.admin, store.Settings, stead.GatewayImpersonators)
			if err == nil {
				_, err = w.Plan(ctx, c, Unchanged{Noun: store.Settings, Key: row.Key, Revision: row.Revision})
			}
			return err
		}},

		"CreateKey": {needs: []stead.Permission{stead.UserAdmin}, call: func(w *world, c Caller) error {
			_, _, err := w.CreateKey(ctx, c, NewKey{Identity: "ana", Name: "k2"})
			return err
		}},
		"RevokeKey": {needs: []stead.Permission{stead.UserAdmin}, call: func(w *world, c Caller) error { return w.RevokeKey(ctx, c, "", "ana", "k") }},
		"Keys": {needs: []stead.Permission{stead.UserAdmin}, call: func(w *world, c Caller) error {
			_, err := w.Keys(ctx, c, "", "ana")
			return err
		}},
		"SetPassword": {needs: []stead.Permission{stead.UserAdmin}, call: func(w *world, c Caller) error {
			return w.SetPassword(ctx, c, "", "ana", "correct horse battery")
		}},
		"Crawl": {needs: []stead.Permission{stead.CreateDataSource, stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			_, err := w.Crawl(ctx, c, crawlerFunc(func() ([]Discovered, error) { return nil, nil }), "wh")
			return err
		}},
		"Authorize": {needs: []stead.Permission{stead.AuditPermission}, call: func(w *world, c Caller) error {
			return w.Authorize(ctx, c, "search the audit log", stead.AuditPermission)
		}},
		"Get": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			_, err := w.Get(ctx, c, store.Settings, stead.GatewayImpersonators)
			return err
		}},
		"List": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			rows, err := w.List(ctx, c, store.Settings, 0, 0)
			if err == nil && len(rows) == 0 {
				err = stead.Errorf(stead.NotFound, "an empty list")
			}
			return err
		}},
		"SetCredential": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			return w.SetCredential(ctx, c, &vault{held: map[string]string{}}, "pg/svc", "x")
		}},
		"DeleteCredential": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			return w.DeleteCredential(ctx, c, &vault{held: map[string]string{}}, "pg/svc")
		}},
		"CheckConnection": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			return w.CheckConnection(ctx, c, pgConnection(nil).Connection)
		}},
		"Operate": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error {
			return second(w.Operate(ctx, c, "pg", "apply"))
		}},
		"Platform": {needs: []stead.Permission{stead.ApplicationAdmin, stead.Governance, stead.AuditPermission}, call: func(w *world, c Caller) error {
			return second(w.Platform(ctx, c, "pg"))
		}},
		"Backup": {needs: []stead.Permission{stead.ApplicationAdmin}, call: func(w *world, c Caller) error { return w.Backup(ctx, c, &bytes.Buffer{}) }},
	}
}

// TestEverythingHasAPermission finds every exported edit in the sources and every method that takes a Caller by
// reflection, and fails for one that the table above does not know.
func TestEverythingHasAPermission(t *testing.T) {
	known := everything()
	//lint:ignore SA1019 this folder is one package without build tags
	files, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range files["govern"].Files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "apply" {
				continue
			}
			found++
			name := fn.Recv.List[0].Type.(*ast.Ident).Name
			if known[name].edit == nil {
				t.Errorf("edit %s has no permission test", name)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d edits found", found)
	}
	service := reflect.TypeFor[*Service]()
	for i := range service.NumMethod() {
		m := service.Method(i)
		takesCaller := false
		for j := range m.Type.NumIn() {
			takesCaller = takesCaller || m.Type.In(j) == reflect.TypeFor[Caller]()
		}
		switch m.Name {
		case "Apply", "Plan", "Within": // every edit is tested with the first two, which are the third
		case "Bootstrap", "MarkDrifted":
			if takesCaller {
				t.Errorf("%s takes a caller and is not tested", m.Name)
			}
		default:
			if !takesCaller || known[m.Name].call == nil {
				t.Errorf("method %s has no caller or no permission test", m.Name)
			}
		}
	}
}

func refusedCode(c stead.Code) bool { return c == stead.Denied || c == stead.NotFound }

func TestPermissions(t *testing.T) {
	for name, a := range everything() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.furnish()
			w.must(DeleteProject{"apollo"}, PutProject{stead.Project{Key: "apollo", Owners: []stead.Principal{userPrincipal("owner")}}},
				PutConnection{stead.Connection{Key: "empty", Platform: stead.Embedded, Address: "a"}}, pgConnection(nil),
				PutSource{func() stead.DataSource {
					d := hrSource().Source
					d.Owners = []stead.Principal{userPrincipal("owner")}
					return d
				}()})
			if _, _, err := w.CreateKey(ctx, w.admin, NewKey{Identity: "ana", Name: "k"}); err != nil {
				t.Fatal(err)
			}
			all := stead.Permissions()
			w.must(aUser("none"), aUser("rest", slices.DeleteFunc(slices.Clone(all), func(p stead.Permission) bool { return slices.Contains(a.needs, p) })...))
			run := func(c Caller) error {
				if a.call != nil {
					return a.call(w, c)
				}
				_, err := w.Plan(ctx, c, a.edit(t))
				return err
			}
			if err := run(Caller{}); stead.AsError(err) == nil || stead.CodeOf(err) != stead.Unauthenticated {
				t.Errorf("nobody: %v", err)
			}
			w.must(aUser("off", all...), DisableIdentity{Name: "off", Disabled: true})
			if err := run(w.as("off")); stead.AsError(err) == nil || stead.CodeOf(err) != stead.Unauthenticated {
				t.Errorf("disabled: %v", err)
			}
			if a.needs == nil { // for everybody
				if err := run(w.as("none")); err != nil {
					t.Errorf("%v", err)
				}
				return
			}
			for _, who := range []string{"none", "rest"} {
				err := run(w.as(who))
				if err == nil || !refusedCode(stead.CodeOf(err)) {
					t.Errorf("%s: %v", who, err)
				}
			}
			for _, p := range a.needs {
				w.must(aUser("just", p))
				if err := run(w.as("just")); err != nil {
					t.Errorf("%s: %v", p, err)
				}
			}
		})
	}
}

func TestOwnersLookAfterTheirOwn(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.must(PutGroup{stead.Group{Name: "stewards", Members: []stead.Principal{userPrincipal("owner")}}})
	d := hrSource().Source
	d.Owners = []stead.Principal{groupPrincipal("stewards")}
	w.must(PutSource{d})
	owner := w.as("owner")
	for _, e := range []Edit{PutTags{Object: hr(), Tags: []stead.Tag{"A.B"}}, PutSubscription{stead.Subscription{Source: hr(), Principal: userPrincipal("ana")}},
		SetSourceState{Object: hr(), State: stead.Disabled}, DeleteSource{hr()}} {
		if _, err := w.Plan(ctx, owner, e); err != nil {
			t.Errorf("%T: %v", e, err)
		}
		if _, err := w.Plan(ctx, w.as("ana"), e); stead.AsError(err) == nil || stead.CodeOf(err) != stead.Denied {
			t.Errorf("%T by another: %v", e, err)
		}
	}
	if _, _, err := w.CreateKey(ctx, owner, NewKey{Identity: "robot", Name: "k"}); err != nil {
		t.Errorf("an agent's owner: %v", err)
	}
	if _, _, err := w.CreateKey(ctx, w.as("ana"), NewKey{Identity: "ana", Name: "k"}); err != nil {
		t.Errorf("oneself: %v", err)
	}
	a := w.Keys
	if _, err := a(ctx, w.as("ana"), "", "nobody"); err == nil || stead.CodeOf(err) != stead.Denied {
		t.Errorf("an unknown identity shows: %v", err)
	}
}

func TestRefusalsAreRecorded(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	if _, err := w.Apply(ctx, w.as("ana"), aUser("x", stead.UserAdmin)); err == nil {
		t.Fatal("ana made an administrator")
	}
	pending, err := w.store.PendingRecords(ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	r := pending[len(pending)-1].Record
	if r.Status != stead.Unauthorized || r.Kind != stead.Change || r.Actor.Login != "ana" {
		t.Errorf("%+v", r)
	}
}

// TestHiddenAndMissingLookTheSame: whoever may not see a data source or project learns nothing from trying to change it.
func TestHiddenAndMissingLookTheSame(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.must(aUser("maker", stead.CreateProject))
	there, missing := hr(), hr()
	missing.Path = []string{"demo", "xx"}
	cased := hr()
	cased.Path = []string{"demo", "HR"}
	source := func(o stead.Object) stead.DataSource {
		d := hrSource().Source
		d.Path = o.Path
		return d
	}
	edits := map[string]func(stead.Object) Edit{
		"PutSource":      func(o stead.Object) Edit { return PutSource{source(o)} },
		"PutTags":        func(o stead.Object) Edit { return PutTags{Object: o} },
		"SetSourceState": func(o stead.Object) Edit { return SetSourceState{Object: o, State: stead.Disabled} },
		"DeleteSource":   func(o stead.Object) Edit { return DeleteSource{o} },
		"PutSubscription": func(o stead.Object) Edit {
			return PutSubscription{stead.Subscription{Source: o, Principal: userPrincipal("zoe")}}
		},
		"DeleteSubscription": func(o stead.Object) Edit { return DeleteSubscription{Source: o, Principal: groupPrincipal("HR")} },
		"DecideSubscription": func(o stead.Object) Edit { return DecideSubscription{Source: o, Principal: userPrincipal("ana")} },
		"PutProject":         func(o stead.Object) Edit { return PutProject{stead.Project{Key: "p", Sources: []stead.Object{o}}} },
	}
	w.must(DeletePolicy{"ask"})
	edits["RequestSubscription"] = func(o stead.Object) Edit { return RequestSubscription{Source: o} }
	for name, edit := range edits {
		said := map[string]bool{}
		for _, o := range []stead.Object{there, missing, cased} {
			_, err := w.Apply(ctx, w.as("maker"), edit(o))
			if err == nil {
				t.Fatalf("%s on %s was allowed", name, o)
			}
			said[strings.ReplaceAll(err.Error(), o.String(), "X")] = true
		}
		if len(said) != 1 {
			t.Errorf("%s tells them apart: %v", name, said)
		}
	}
	said := map[string]bool{}
	for _, key := range []string{"apollo", "gemini"} {
		for _, e := range []Edit{DeleteProject{key}, PutProject{stead.Project{Key: key}}} {
			_, err := w.Apply(ctx, w.as("owner"), e)
			if err == nil {
				t.Fatalf("%T was allowed", e)
			}
			said[strings.ReplaceAll(err.Error(), key, "X")] = true
		}
	}
	if len(said) != 2 {
		t.Errorf("projects are told apart: %v", said)
	}
}
