package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/session"
	"stead/policy/eval"
	"stead/policy/expr"
)

// forgetful takes records and keeps none: cases are about answers.
type forgetful struct{}

func (forgetful) Append(context.Context, stead.Record) error { return nil }

// keyOf is the hash key of every case: known, so that cases can hold hashes.
func keyOf(id string) (string, error) {
	sum := sha256.Sum256([]byte("stead corpus " + id))
	return hex.EncodeToString(sum[:]), nil
}

// interpreter is the decision and the reference interpreter, without any engine.
type interpreter struct{}

func newInterpreter() engine { return interpreter{} }

func (interpreter) name() string              { return "interpreter" }
func (interpreter) typeOf(t expr.Type) string { t.Native = ""; return t.String() }
func (interpreter) close() error              { return nil }

func (interpreter) ask(ctx context.Context, c *Case) (answer, error) {
	w := decide.New().With(c.delta)
	st, err := begin(ctx, w, c)
	if err != nil {
		return refusal(err), nil
	}
	if c.Query != "" {
		return interpreter{}.statement(ctx, c, st)
	}
	op, err := c.operation()
	if err != nil {
		return answer{}, err
	}
	d := st.Decide(c.read.def.Object(), op)
	if d.Verdict != stead.Allow {
		out := refusal(d.Denial)
		out.decision = &d
		return out, nil
	}
	if op != stead.Read {
		return answer{decision: &d}, nil
	}
	return read(c, &d)
}

func refusal(err error) answer {
	e := stead.AsError(err)
	return answer{denied: e.Code.String(), message: e.Message}
}

// begin opens a session as the case's user and takes its steps. A refused step stays with the session.
func begin(ctx context.Context, w *decide.World, c *Case) (*session.Statement, error) {
	s := session.New(session.Config{World: func() (session.World, error) { return w, nil }, Log: forgetful{},
		Now: func() time.Time { return c.at }})
	iam, name, err := session.ParseName(c.Asker.User)
	if err != nil {
		return nil, err
	}
	actor := stead.Actor{Login: c.Asker.User, Method: "scram"}
	if i, ok := w.IdentityByName(iam, name); ok {
		actor.Identity, actor.IAM, actor.Name, actor.Kind = i.ID, i.IAM, i.Name, i.Kind
	}
	desk, err := s.Open(ctx, session.Login{Actor: actor}, session.Client{Connection: c.read.def.Connection, Engine: "gateway"})
	if err != nil {
		return nil, err
	}
	for _, step := range c.steps() {
		switch {
		case step.Impersonate != "":
			_ = desk.Impersonate(ctx, step.Impersonate) // what it refuses shows in Begin
		case step.Project != "":
			_ = desk.SetProject(ctx, step.Project)
		case step.End == "impersonation":
			_ = desk.EndImpersonation(ctx)
		case step.End == "project":
			desk.ResetProject()
		}
	}
	return desk.Begin(ctx)
}

// read filters and masks the rows by the decision alone.
func read(c *Case, d *stead.Decision) (answer, error) {
	out := answer{decision: d}
	columns, err := c.columns()
	if err != nil {
		return out, err
	}
	for _, i := range columns {
		t := d.Columns[i].Type
		if m := d.Columns[i].Mask; m != nil {
			t = m.Type()
		}
		out.types = append(out.types, interpreter{}.typeOf(t))
	}
	rows, err := c.read.shown(d)
	if err != nil {
		return out, err
	}
	for _, r := range rows {
		var line []string
		for _, i := range columns {
			line = append(line, show(r[i], d.Columns[i].Type))
		}
		out.rows = append(out.rows, strings.Join(line, " | "))
	}
	slices.Sort(out.rows)
	return out, nil
}

func visible(d *stead.Decision, row func(string) expr.Value, env eval.Env) (bool, error) {
	switch d.Rows.Extent {
	case stead.Always:
		return true, nil
	case stead.When:
		v, err := eval.Eval(d.Rows.When, row, env)
		return err == nil && v.Valid && v.Bool, err
	default:
		return false, nil
	}
}

func value(c *stead.ColumnDecision, row func(string) expr.Value, env eval.Env) (expr.Value, error) {
	switch c.Access {
	case stead.ColumnClear:
		return row(c.Name), nil
	case stead.ColumnMasked:
		return eval.Eval(c.Mask, row, env)
	default:
		return expr.Null, fmt.Errorf("column %q is denied", c.Name)
	}
}
