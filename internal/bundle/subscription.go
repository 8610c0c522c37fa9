package bundle

import (
	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (r *reader) subscription(d *document, doc subscriptionDoc) {
	o, refs := r.object(d.place("source"), doc.Source)
	p, more := r.principal(d, "principal", doc.Principal)
	i := &item{doc: d, noun: store.Subscriptions, key: store.SubscriptionKey(o, p), name: p.Name + " on " + o.String(), refs: append(refs, more...)}
	i.edit = func(l *look) (govern.Edit, error) {
		return govern.PutSubscription{Subscription: stead.Subscription{Source: o, Principal: p, Access: doc.Access, State: doc.State, Bundle: l.name}}, nil
	}
	r.add(i)
}
