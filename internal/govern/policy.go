package govern

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"stead"
	"stead/internal/store"
	"stead/policy"
)

// PutPolicy creates a policy or replaces it; its key finds it. It is validated, and bound to every data source it applies to,
// so that what does not fit is a warning now and not a surprise later. For GOVERNANCE.
type PutPolicy struct{ Policy *policy.Policy }

// DeletePolicy deletes a policy. For GOVERNANCE.
type DeletePolicy struct{ Key string }

func (e PutPolicy) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("change policies", stead.Governance); err != nil {
		return Outcome{}, err
	}
	if e.Policy == nil {
		return Outcome{}, invalid("policy", "is missing")
	}
	p := *e.Policy
	if problems := policy.Validate(&p); len(problems) > 0 {
		return Outcome{}, policyProblems(problems)
	}
	row, err := t.Find(ctx, store.Policies, p.Key)
	if err != nil && !absent(err) {
		return Outcome{}, err
	}
	var old *policy.Policy
	if err == nil {
		if old, err = store.DecodePolicy(row); err != nil {
			return Outcome{}, err
		}
		p.Bundle = old.Bundle
	}
	text, err := store.EncodePolicy(&p)
	if err != nil {
		return Outcome{}, err
	}
	o, err := put(ctx, t, store.Policies, row, p.Key, p.Key, json.RawMessage(text))
	if err != nil || o.Op == None {
		return o, err
	}
	t.negates = nil
	if o.Widens, err = t.policyWidens(ctx, old, &p); err != nil {
		return o, err
	}
	if o.Warnings, err = t.policyWarnings(ctx, &p); err != nil {
		return o, err
	}
	return t.done(ctx, o)
}

// policyProblems is all that is wrong as one error: invalid, with every problem in its text.
func policyProblems(problems []*stead.Error) error {
	list := policy.Problems(problems)
	if len(list) == 1 {
		return list[0]
	}
	return &stead.Error{Code: list[0].Code, Message: list.Error(), Cause: errors.Join(list)}
}

// policyWidens is conservative: only what cannot give anybody more passes without a word. before is nil for a new one, after for a
// deleted one.
func (t *tx) policyWidens(ctx context.Context, before, after *policy.Policy) ([]string, error) {
	was, is := enforced(before), enforced(after)
	switch {
	case !was && !is:
		return nil, nil
	case !was && after.Type == policy.SubscriptionType:
		return []string{"a subscription policy takes effect and may let somebody in"}, nil
	case !was:
		other, err := t.otherMasks(ctx, after)
		if other {
			return []string{"its masks may take the place of another policy's"}, err
		}
		return nil, err
	case !is:
		return []string{"a policy stops being enforced"}, nil
	case reflect.DeepEqual(essence(before), essence(after)):
		return nil, nil
	default:
		return []string{"what the policy does changes"}, nil
	}
}

func enforced(p *policy.Policy) bool { return p != nil && !p.Staged && !p.Template }

// essence is a policy without what is only for readers.
func essence(p *policy.Policy) policy.Policy {
	q := *p
	q.ID, q.At, q.Bundle, q.Name, q.Certification = 0, 0, "", "", nil
	return q
}

// otherMasks reports whether a new policy with masks meets one with masks.
func (t *tx) otherMasks(ctx context.Context, p *policy.Policy) (bool, error) {
	if !masks(p) {
		return false, nil
	}
	found := false
	err := everyRow(ctx, t, store.Policies, func(row store.Row) error {
		if row.Key == p.Key {
			return nil
		}
		q, err := store.DecodePolicy(row)
		if err == nil && enforced(q) && masks(q) {
			found, err = true, errEnough
		}
		return err
	})
	return found, err
}

func masks(p *policy.Policy) bool {
	for _, a := range p.Data {
		for _, r := range a.Rules {
			if r.Type == policy.Masking {
				return true
			}
		}
	}
	return false
}

// policyWarnings binds the policy to what it applies to.
func (t *tx) policyWarnings(ctx context.Context, p *policy.Policy) ([]string, error) {
	const most = 20
	var out []string
	applies, more := 0, 0
	warn := func(text string) {
		if len(out) == most {
			more++
			return
		}
		out = append(out, text)
	}
	c := policy.Compile(p)
	err := every(ctx, t, store.DataSources, func(_ store.Row, d *stead.DataSource) error {
		if !c.AppliesTo(d) {
			return nil
		}
		applies++
		b := c.Bind(d)
		if b.Refused != "" {
			warn(fmt.Sprintf("%s is refused to everybody: %s", d.Object(), b.Refused))
		}
		for _, x := range b.Problems {
			warn(fmt.Sprintf("%s: %s", d.Object(), x.Message))
		}
		return nil
	})
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	if applies == 0 && !p.Template {
		out = append(out, "applies to no registered data source")
	}
	return out, err
}

func (e DeletePolicy) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("delete policies", stead.Governance); err != nil {
		return Outcome{}, err
	}
	row, err := t.Find(ctx, store.Policies, e.Key)
	if absent(err) {
		return Outcome{}, missing(store.Policies, e.Key)
	}
	if err != nil {
		return Outcome{}, err
	}
	p, err := store.DecodePolicy(row)
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Policies, row, p.Key)
	if err != nil {
		return o, err
	}
	t.negates = nil
	if o.Widens, err = t.policyWidens(ctx, p, nil); err != nil {
		return o, err
	}
	return t.done(ctx, o)
}
