package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// collectedRecord is the record of something that a platform logged. What nobody logged, and what held only then, stays empty.
func collectedRecord(w *decide.World, key string, a *push.Asked) stead.Record {
	r := stead.Record{ID: a.ID, Kind: stead.QueryCollected, Time: a.Time, Status: stead.Success, QueryID: a.Query, Session: "pg-" + a.Session,
		Actor: stead.Actor{Login: a.Login, Method: "platform"}, Basis: a.Basis, Connection: key, ClientAddr: a.Address, Application: a.Application,
		Statement: a.Statement, Rows: a.Rows}
	if i, ok := w.Identity(a.Identity); ok {
		r.Actor.Identity, r.Actor.IAM, r.Actor.Name, r.Actor.Kind = i.ID, i.IAM, i.Name, i.Kind
	}
	r.Subject = collectedSubject(w, a)
	remarks := slices.Clone(a.Remarks)
	switch a.Kind {
	case push.AskedStatement:
		remarks = append([]string{"collected afterwards: " + a.Command}, remarks...)
		r.Targets = collectedTargets(w, key, a.Relations)
	case push.AskedForged:
		r.Kind, r.Status, r.Operation, r.ObjectKind, r.ObjectKey, r.QueryID = stead.System, stead.Unauthorized, "forged", "log", key, ""
	default:
		r.Kind, r.Operation, r.QueryID = stead.Impersonate, string(a.Kind), ""
		remarks = append([]string{"collected afterwards: " + string(a.Kind)}, remarks...)
		if a.Kind == push.AskedRefused {
			r.Status = stead.Unauthorized
		}
	}
	if a.Failed != "" {
		r.Status, r.Reason = stead.Failure, "the platform did not finish it: SQLSTATE "+a.Failed
		if a.Denied {
			r.Status, r.Reason = stead.Unauthorized, "the platform refused it: SQLSTATE "+a.Failed
		}
	}
	r.Details = shorten(strings.Join(remarks, "; "))
	return r
}

func collectedSubject(w *decide.World, a *push.Asked) stead.Subject {
	s := stead.Subject{Identity: a.Subject}
	if i, ok := w.Identity(a.Subject); ok {
		s.IAM, s.Name, s.Kind = i.IAM, i.Name, i.Kind
	}
	if iam, name, ok := strings.Cut(a.Name, ":"); ok {
		s.IAM, s.Name = iam, name
	}
	return s
}

// collectedTargets are the data sources of relations, each once, and relations that belong to none.
func collectedTargets(w *decide.World, key string, relations []push.Relation) []stead.RecordTarget {
	sources := map[stead.SourceID]*stead.DataSource{}
	for _, s := range w.Sources(key) {
		sources[s.ID] = s
	}
	var out []stead.RecordTarget
	for _, r := range relations {
		t := stead.RecordTarget{Object: stead.Object{Connection: key, Kind: stead.TableObject, Path: r.Path}, Source: r.Source}
		if s := sources[r.Source]; s != nil {
			t.Object, t.SourceName = s.Object(), s.Name
		}
		if t.Source == 0 || !slices.ContainsFunc(out, func(o stead.RecordTarget) bool { return o.Source == t.Source }) {
			out = append(out, t)
		}
	}
	return out
}

// gapRecord says that something was not seen.
func gapRecord(key string, g *push.Gap) stead.Record {
	r := stead.Record{ID: g.ID, Kind: stead.System, Time: g.Time, Status: stead.Failure, Actor: stead.Actor{Login: "system", Method: "local"},
		Connection: key, Operation: "gap", ObjectKind: "log", ObjectKey: key, Details: g.What}
	if g.Lines > 0 {
		r.Details += fmt.Sprintf(" (%d lines)", g.Lines)
	}
	return r
}
