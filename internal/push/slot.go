package push

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"stead"
	"stead/internal/decide"
	"stead/policy/expr"
)

// Kinds of slot, as they stand in Slots, and of Values.
const (
	SlotFact      = "fact"
	KindAttribute = "attribute"
	KindGroup     = "group"
	KindPurpose   = "purpose"
)

// Condition is a condition on the subject alone that slots ask for, by its id in Facts and Slots.
type Condition struct {
	ID   string
	Node expr.Node
}

// conditionOf names a condition by its content.
func conditionOf(n expr.Node) Condition {
	sum := sha256.Sum256(decide.Encode([]byte("stead condition 1\x00"), n))
	return Condition{hex.EncodeToString(sum[:16]), n}
}

// slot is what a number in an expression stands for.
type slot struct {
	kind, key   string
	placeholder *string
}

func (s slot) row(id stead.SourceID, number int) Row {
	r := Row{strconv.FormatInt(int64(id), 10), strconv.Itoa(number), s.kind, s.key, Flag(s.placeholder != nil)}
	if s.placeholder != nil {
		r[5] = *s.placeholder
	}
	return r
}

// Flag is a flag as it stands in rows.
func Flag(b bool) string {
	if b {
		return "t"
	}
	return "f"
}

// place is where in the policies a question stands. What is asked there may change by an edit without moving it, so that the
// numbers of slots, and with them expressions, stay.
type place struct {
	policy         int64
	action, branch int
	part           part
	ordinal        int // within the part
}

type part uint8

const (
	inFor part = iota
	inExcept
	inNode
)

// asked is a question at its place: the columns that one action masks share their slots.
type asked struct {
	place
	kind, key, placeholder string
	given                  bool
}

// slots gives questions their numbers in the order of asking.
type slots struct {
	list       []slot
	numbers    map[asked]string
	conditions map[string]Condition
}

func (s *slots) number(at place, x slot) string {
	key := asked{place: at, kind: x.kind, key: x.key, given: x.placeholder != nil}
	if x.placeholder != nil {
		key.placeholder = *x.placeholder
	}
	n, ok := s.numbers[key]
	if !ok {
		s.list = append(s.list, x)
		n = strconv.Itoa(len(s.list))
		s.numbers[key] = n
	}
	return n
}

// fact is the slot of a condition on the subject.
func (s *slots) fact(at place, n expr.Node) expr.Node {
	c := conditionOf(n)
	s.conditions[c.ID] = c
	return expr.Subject{Fact: expr.SlotHolds, Key: s.number(at, slot{kind: SlotFact, key: c.ID})}
}

// replace puts slots in place of everything that asks about the subject. Whatever it does not know it leaves, and the tree is
// refused by check.
func (s *slots) replace(at *place, n expr.Node) expr.Node {
	if n.Type().Kind == expr.Bool && expr.Asks(n) && settled(n) { // constants need no slot
		at.ordinal++
		return s.fact(*at, n)
	}
	switch n := n.(type) {
	case expr.Subject:
		return s.contains(at, n)
	case expr.Call:
		args := make([]expr.Node, len(n.Args))
		for i, a := range n.Args {
			args[i] = s.replace(at, a)
		}
		out := n
		out.Args = args // each of the type it had
		return out
	default:
		return n
	}
}

func (s *slots) contains(at *place, n expr.Subject) expr.Node {
	x := slot{key: n.Key, placeholder: n.Placeholder}
	switch n.Fact {
	case expr.AttributeContains:
		x.kind = KindAttribute
	case expr.GroupsContain:
		x.kind, x.key = KindGroup, ""
	case expr.PurposesContain:
		x.kind, x.key = KindPurpose, ""
	default:
		return n
	}
	if n.Arg == nil {
		return n
	}
	at.ordinal++
	number := s.number(*at, x)
	return expr.Subject{Fact: expr.SlotContains, Key: number, Arg: s.replace(at, n.Arg)}
}

// settled reports whether folding makes a condition TRUE or FALSE, never NULL, for every subject whose texts
// are UTF-8: only facts, constants, and what compares and joins them. Everything else is left to the
// platform, where it keeps its third value.
func settled(n expr.Node) bool {
	switch n := n.(type) {
	case expr.Literal:
		return n.Value.Valid
	case expr.Subject:
		switch n.Fact {
		case expr.HasAttribute, expr.InGroup, expr.UsingPurpose, expr.UserName, expr.UserIAM:
			return true
		default:
			return false
		}
	case expr.Call:
		switch n.Func {
		case expr.And, expr.Or, expr.Not, expr.IsTrue, expr.If, expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge,
			expr.Same, expr.In, expr.Between:
		default:
			return false
		}
		for _, a := range n.Args {
			if !settled(a) {
				return false
			}
		}
		return true
	default:
		return false
	}
}
