package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"stead"
	"stead/policy"
	"stead/policy/expr"
)

// Audience names who reaches a data source: sources of one audience are reached alike by everybody, by the name's content, in any
// world. False when the object is no data source.
func (w *World) Audience(o stead.Object) (string, bool) {
	s, ok := w.source(o)
	if !ok {
		return "", false
	}
	r := w.resolved(s)
	if name := r.audience.Load(); name != nil {
		return *name, true
	}
	b := appendPrincipals([]byte("stead audience 1\x00"), s.Owners)
	stored := false
	for _, a := range r.Access {
		stored = stored || a.Stored
		b = append(b, 1, flag(a.Required), flag(a.Stored), byte(levelOf(a.Grant)))
		b = appendNode(b, a.Condition())
	}
	b = append(b, 0)
	if stored {
		b = w.appendStored(b, s.key)
	}
	sum := sha256.Sum256(b)
	name := hex.EncodeToString(sum[:16])
	if !stored {
		r.audience.Store(&name)
	}
	return name, true
}

func appendPrincipals(b []byte, list []stead.Principal) []byte {
	var keys []string
	for _, p := range list {
		keys = append(keys, principalKey(p))
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		b = appendText(append(b, 1), k)
	}
	return append(b, 0)
}

// appendStored writes the subscriptions that count on a source.
func (w *World) appendStored(b []byte, source string) []byte {
	var lines []string
	for _, id := range indexed(&w.held, source) {
		h, ok := w.holdings.get(stead.SubscriptionID(id))
		if !ok {
			continue
		}
		if l := w.holds(h); l > noAccess {
			lines = append(lines, string([]byte{byte(l)})+principalKey(h.principal))
		}
	}
	slices.Sort(lines)
	for _, l := range slices.Compact(lines) {
		b = appendText(append(b, 1), l)
	}
	return append(b, 0)
}

// Reach answers for one subject which data sources it reaches. It is for one goroutine.
type Reach struct{ q question }

// Reach prepares the answers for an asker, of which connection and project limit are left out of account. It fails when it is in doubt who
// asks, or when the subject may not act in the asker's project: nothing is reached then.
func (w *World) Reach(a *stead.Asker) (*Reach, *stead.Error) {
	if a == nil || a.Subject.Identity == 0 {
		return nil, stead.Errorf(stead.Unauthenticated, "nobody is signed in").WithHint("sign in")
	}
	r := &Reach{question{w: w, a: a}}
	if why := r.q.doubt(); why != "" {
		return nil, stead.Errorf(stead.Denied, "it is not settled who asks").WithHint("sign in again").WithCause(errors.New(why))
	}
	r.q.facts = factsOf(a)
	if err := r.q.actIn(); err != nil {
		return nil, err
	}
	return r, nil
}

// Facts are what conditions may ask about the subject, the purposes of its project among them. Do not change them.
func (r *Reach) Facts() *expr.Facts { return &r.q.facts }

// Limited reports whether the subject acts in a project, which limits it to Within.
func (r *Reach) Limited() bool { return r.q.project != nil }

// Within reports whether the project acted in has the source.
func (r *Reach) Within(o stead.Object) bool {
	return r.q.project != nil && r.q.project.sources[objectKey(o)]
}

// Key is the id of the key that hash masks use in place of the source's own, "" for none.
func (r *Reach) Key() string {
	if p := r.q.project; p != nil && r.q.w.shares(p.Project) {
		return policy.ProjectKey(p.Key).ID
	}
	return ""
}

// Access is what the subject may do with the data source: "" is nothing.
func (r *Reach) Access(o stead.Object) stead.Access {
	s, ok := r.q.w.source(o)
	if !ok {
		return ""
	}
	r.q.r, r.q.d.Source = r.q.w.resolved(s), s.DataSource
	r.q.d.Reasons = r.q.d.Reasons[:0]
	switch r.q.reach().access {
	case readAccess:
		return stead.ReadAccess
	case writeAccess:
		return stead.WriteAccess
	default:
		return ""
	}
}
