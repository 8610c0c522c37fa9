package httpapi

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"stead"
	"stead/client"
)

func TestTheGoClient(t *testing.T) {
	w := company(t)
	ctx := t.Context()
	c, err := client.New(w.url, w.admin, nil)
	check(t, err)

	change, err := c.PutIdentity(ctx, stead.Identity{Kind: stead.Agent, Name: "bot", Owner: &stead.Principal{Kind: stead.UserPrincipal, Name: "cora"}}, client.With{})
	check(t, err)
	if change.Op != "create" || change.Revision == 0 {
		t.Errorf("%+v", change)
	}
	i, version, err := c.Identity(ctx, "", "bot")
	check(t, err)
	if i.Kind != stead.Agent || version == "" {
		t.Errorf("%+v %q", i, version)
	}
	i.Description = "asks for others"
	_, err = c.PutIdentity(ctx, *i, client.With{Version: version})
	check(t, err)
	if _, err = c.PutIdentity(ctx, *i, client.With{Version: version}); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("an old version: %v", err)
	}
	key, err := c.CreateKey(ctx, "", "bot", client.NewKey{Name: "k"})
	check(t, err)
	bot, err := client.New(w.url, key.Secret, nil)
	check(t, err)
	me, err := bot.WhoAmI(ctx)
	check(t, err)
	if me.Name != "bot" {
		t.Errorf("%+v", me)
	}
	if _, err := bot.PutPurpose(ctx, stead.Purpose{Key: "x"}, client.With{}); stead.CodeOf(err) != stead.Denied || stead.AsError(err).Hint == "" {
		t.Errorf("denied: %v", err)
	}
	check(t, c.RevokeKey(ctx, "", "bot", "k"))
	if _, err := bot.WhoAmI(ctx); stead.CodeOf(err) != stead.Unauthenticated {
		t.Errorf("revoked: %v", err)
	}

	o := stead.Object{Connection: "demo", Kind: stead.TableObject, Path: []string{"hr", "people"}}
	e, err := c.Explain(ctx, client.Question{Object: o, Subject: "ana"})
	check(t, err)
	if e.Decision.Verdict != "allow" || e.Decision.Rows.When == "" || len(e.Decision.Reasons) == 0 {
		t.Errorf("%+v", e)
	}
	d, err := c.Decide(ctx, client.Question{Object: o, Subject: "ben"})
	check(t, err)
	if d.Verdict != "deny" || d.Denial == nil || d.Denial.Code != "not_found" {
		t.Errorf("%+v", d)
	}
	d2, _, err := c.Source(ctx, "demo", o.Path)
	check(t, err)
	_, err = c.PutSource(ctx, *d2, client.With{})
	check(t, err)

	_, err = c.Apply(ctx, client.Bundle{Files: []client.BundleFile{{Name: "a.yaml", Text: "kind: User\nname: x\ny: 1\nz: 2\n"}}})
	var many client.Errors
	if !errors.As(err, &many) || len(many) < 2 || many[0].Place.Line == 0 || many[0].Place.File != "a.yaml" {
		t.Errorf("mistakes: %v", err)
	}
	plan, err := c.Apply(ctx, client.Bundle{Files: []client.BundleFile{{Name: "a.yaml", Text: folks}}})
	check(t, err)
	if plan.Text == "" || plan.Revision == 0 {
		t.Errorf("%+v", plan)
	}

	check(t, w.shipper.Ship(ctx))
	found, err := c.SearchAudit(ctx, client.Records{Kinds: []stead.RecordKind{stead.Change}, Limit: 3})
	check(t, err)
	if len(found.Items) != 3 || found.Items[0].Record.Kind != stead.Change {
		t.Errorf("%+v", found)
	}
	report, err := c.VerifyAudit(ctx)
	check(t, err)
	if !report.OK {
		t.Errorf("%+v", report)
	}
	var lines bytes.Buffer
	check(t, c.ExportAudit(ctx, &lines, client.Records{}, "records"))
	if bytes.Count(lines.Bytes(), []byte("\n")) < 10 {
		t.Errorf("export: %s", lines.String())
	}
	status, err := c.Status(ctx)
	check(t, err)
	if !status.Ready || len(status.Connections) != 1 {
		t.Errorf("%+v", status)
	}
	sources, err := c.Sources(ctx)
	check(t, err)
	policies, err := c.Policies(ctx)
	check(t, err)
	if len(sources) != 1 || len(policies) != 2 {
		t.Errorf("%d sources, %d policies", len(sources), len(policies))
	}
}

func TestTheGoClientSaysWhatIsWrongWithTheAddress(t *testing.T) {
	if _, err := client.New("localhost:8475", "", nil); stead.CodeOf(err) != stead.Invalid {
		t.Errorf("%v", err)
	}
	c, err := client.New("http://127.0.0.1:1", "secret-key", nil)
	check(t, err)
	_, err = c.Status(context.Background())
	if stead.CodeOf(err) != stead.Unavailable || bytes.Contains([]byte(err.Error()), []byte("secret-key")) {
		t.Errorf("%v", err)
	}
}
