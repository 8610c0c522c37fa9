package session

import (
	"encoding/hex"

	"stead"
	"stead/internal/audit"
)

// record begins a record of the session.
func (s *Session) record(kind stead.RecordKind) stead.Record {
	return stead.Record{
		ID: audit.NewID(), Kind: kind, Time: s.service.cfg.Now().UTC(), Session: s.id,
		Actor: s.req.login.Actor, Connection: s.req.client.Connection,
		ClientAddr: s.req.client.Address, Application: s.req.client.Application,
	}
}

// about says who asked in whose stead.
func about(r *stead.Record, a *stead.Asker) {
	r.Actor, r.Subject, r.Basis = a.Actor, a.Subject, a.Basis
	r.Project, r.Purposes, r.Lease, r.Revision = a.Project, a.Purposes, a.Lease, a.Revision
}

func (t *Statement) record(kind stead.RecordKind, info IntentInfo) stead.Record {
	r := t.session.record(kind)
	about(&r, &t.Asker)
	r.QueryID, r.Statement = t.queryID, info.Statement
	if info.Application != "" {
		r.Application = info.Application
	}
	for i := range info.Targets {
		r.Targets = append(r.Targets, target(&info.Targets[i]))
	}
	return r
}

// target tells what was decided about one object, without any expression that could hold a value of the data.
func target(t *Target) stead.RecordTarget {
	d := &t.Decision
	out := stead.RecordTarget{Object: d.Object, Columns: t.Columns, Policies: d.Policies, Reasons: d.Reasons, RowRule: extent(d)}
	if d.Source != nil {
		out.Source, out.SourceName = d.Source.ID, d.Source.Name
	}
	if d.Fingerprint != (stead.Fingerprint{}) {
		out.Fingerprint = hex.EncodeToString(d.Fingerprint[:])
	}
	for _, c := range d.Columns {
		if c.Access == stead.ColumnMasked {
			if out.MaskedColumns == nil {
				out.MaskedColumns = map[string]string{}
			}
			out.MaskedColumns[c.Name] = c.Kind
		}
	}
	return out
}

func extent(d *stead.Decision) string {
	switch d.Rows.Extent {
	case stead.Always:
		return "always"
	case stead.When:
		return "when"
	default:
		return "never"
	}
}
