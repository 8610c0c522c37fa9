package decide

import (
	"stead"
	"stead/policy"
)

// level is what a subject may do at most. Higher includes lower.
type level uint8

const (
	noAccess level = iota
	readAccess
	writeAccess
)

// reach is what ownership and subscription policies give.
type reach struct {
	access    level
	owner     bool
	discovery bool
}

// reach works out access: owners reach their tables; everybody else must meet every required policy and, if there
// are shared ones, one of these. Without a subscription policy only owners do, whatever subscriptions are stored.
func (q *question) reach() reach {
	if q.person.among(q.d.Source.Owners) {
		q.d.Reasons = append(q.d.Reasons, stead.Reason{Effect: stead.Granted, Rule: -1, Fact: "owns the data source"})
		return reach{access: writeAccess, owner: true}
	}
	if len(q.r.Access) == 0 {
		q.refused("no subscription policy applies to the data source, so only its owners reach it")
		return reach{}
	}
	required, shared := writeAccess, noAccess
	found, sharing := true, false // discovery
	hasShared := false
	for _, a := range q.r.Access {
		got := q.meets(a)
		if a.Required {
			required = min(required, got)
			found = found && (got > noAccess || a.Discovery)
			continue
		}
		hasShared = true
		shared = max(shared, got)
		sharing = sharing || got > noAccess || a.Discovery
	}
	if !hasShared {
		return reach{access: required, discovery: found}
	}
	return reach{access: min(required, shared), discovery: found && sharing}
}

// meets says what one policy gives the subject, and notes why.
func (q *question) meets(a *policy.Access) level {
	ok, fact := a.Qualifies(&q.facts)
	got := noAccess
	if ok {
		got = levelOf(a.Grant)
	}
	if ok && a.Stored {
		sub := q.subscribed()
		got = min(got, sub)
		if sub == noAccess {
			fact = "has no approved subscription"
		} else {
			fact = "has an approved subscription"
		}
	}
	effect := stead.Granted
	if got == noAccess {
		effect = stead.Refused
	}
	q.d.Reasons = append(q.d.Reasons, stead.Reason{Effect: effect, Policy: a.Policy.Key, Rule: -1, Fact: fact})
	return got
}

// subscribed is the most that a stored and approved subscription of the subject or one of its groups gives.
func (q *question) subscribed() level {
	h := holding{source: objectKey(q.d.Source.Object()), principal: q.person.self}
	got := q.w.holds(h)
	for _, g := range q.person.groups {
		h.principal = g
		got = max(got, q.w.holds(h))
	}
	return got
}

func (w *World) holds(h holding) level {
	s, ok := w.stored.get(h)
	if !ok || s.State != stead.Approved {
		return noAccess
	}
	return levelOf(s.Access)
}

func levelOf(a stead.Access) level {
	switch a {
	case stead.ReadAccess:
		return readAccess
	case stead.WriteAccess:
		return writeAccess
	default:
		return noAccess
	}
}
