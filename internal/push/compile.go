package push

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"stead/internal/decide"
	"stead/policy/expr"
)

// Compiled is a data source ready for a platform: objects, and the rows beside them.
type Compiled struct {
	Source *Source
	// Slots are the source's rows of the table Slots.
	Slots []Row
	// Conditions are those that the slots ask for, by id.
	Conditions []Condition
	// Keys are the ids of the hash keys that the expressions name, "shared/7" among them; sorted.
	Keys []string

	outline *decide.Outline
}

// Compile turns an outline into a source. Slots are numbered by where in the policies they stand, not by what is asked there: an
// edit that changes whom a rule includes or excepts, which attribute is matched or a placeholder leaves the source as it was
// and changes rows. Whatever cannot be compiled refuses the source. What before, a source of an earlier state or nil, was
// compiled from the same outline is given again.
func Compile(o *decide.Outline, before *Source) *Compiled {
	if before != nil && before.made != nil && before.made.outline == o {
		return before.made
	}
	s := slots{numbers: map[asked]string{}, conditions: map[string]Condition{}}
	d := o.Source
	open := &decide.Outline{Source: d, Refused: o.Refused, Masks: make([]*decide.OutlineChain, len(o.Masks))}
	for i := range o.Rows {
		open.Rows = append(open.Rows, s.chain(&o.Rows[i]))
	}
	for i, m := range o.Masks {
		if m != nil {
			c := s.chain(m)
			open.Masks[i] = &c
		}
	}
	out := &Compiled{Source: &Source{ID: d.ID, Path: d.Path, Refused: o.Refused}, outline: o}
	out.Source.made = out
	if !out.fill(open) || !s.storable() {
		open.Refused = "a policy asks for what cannot be compiled for the platform"
		out.Source.Refused = open.Refused
		out.fill(open)
	}
	if out.Source.Refused == "" {
		for i, x := range s.list {
			out.Slots = append(out.Slots, x.row(d.ID, i+1))
		}
		slices.SortFunc(out.Slots, Row.Compare)
		for _, c := range s.conditions {
			out.Conditions = append(out.Conditions, c)
		}
		slices.SortFunc(out.Conditions, func(a, b Condition) int { return strings.Compare(a.ID, b.ID) })
	}
	out.Source.Digest = out.Source.digest()
	return out
}

// fill makes the expressions; false when one of them still asks what a platform cannot answer.
func (c *Compiled) fill(o *decide.Outline) bool {
	s := c.Source
	s.Rows, s.Columns, c.Keys = o.Condition(), nil, nil
	ok := c.check(s.Rows)
	for i := range o.Source.Columns {
		x := Column{Name: o.Source.Columns[i].Name, Type: o.Source.Columns[i].Type, Shown: o.Shown(i)}
		ok = c.check(x.Shown) && ok
		s.Columns = append(s.Columns, x)
	}
	slices.Sort(c.Keys)
	c.Keys = slices.Compact(c.Keys)
	return ok
}

// check looks at every node and notes keys.
func (c *Compiled) check(n expr.Node) bool {
	ok := true
	expr.Walk(n, func(n expr.Node) bool {
		switch n := n.(type) {
		case expr.Key:
			c.Keys = append(c.Keys, n.ID)
		case expr.Subject:
			switch n.Fact {
			case expr.SlotHolds, expr.SlotContains, expr.UserName, expr.UserIAM, expr.Now, expr.Today:
			default:
				ok = false
			}
		case expr.Literal, expr.Column, expr.Call:
		default:
			ok = false
		}
		return true
	})
	return ok
}

// storable reports whether every platform holds the slots' texts as they are.
func (s *slots) storable() bool {
	for _, x := range s.list {
		if !Storable(x.key) || x.placeholder != nil && !Storable(*x.placeholder) {
			return false
		}
	}
	return true
}

func (s *slots) chain(c *decide.OutlineChain) decide.OutlineChain {
	out := decide.OutlineChain{Policy: c.Policy, Action: c.Action, Branches: slices.Clone(c.Branches)}
	for i := range out.Branches {
		b := &out.Branches[i]
		at := func(p part) place { return place{policy: c.Policy, action: c.Action, branch: i, part: p} }
		if b.For != nil {
			b.For = s.fact(at(inFor), b.For)
		}
		if b.Except != nil {
			b.Except = s.fact(at(inExcept), b.Except)
		}
		from := at(inNode)
		b.Node = s.replace(&from, b.Node)
	}
	return out
}

// digest is of everything that stands natively.
func (s *Source) digest() [32]byte {
	b := decide.EncodeText([]byte("stead pushed source 1\x00"), strconv.FormatInt(int64(s.ID), 10))
	b = decide.EncodeText(b, strconv.Itoa(len(s.Path)))
	for _, p := range s.Path {
		b = decide.EncodeText(b, p)
	}
	b = decide.EncodeText(b, s.Refused)
	b = decide.Encode(b, s.Rows)
	for i := range s.Columns {
		c := &s.Columns[i]
		b = decide.EncodeText(append(b, 1), c.Name)
		b = decide.EncodeType(b, c.Type)
		b = decide.Encode(b, c.Shown)
	}
	return sha256.Sum256(b)
}
