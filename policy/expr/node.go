// Package expr is the typed expression language of policies: conditions, row
// rules and masks are trees of five node kinds. It parses, prints, folds and
// gives values their canonical text. It knows no engine and evaluates nothing
// but constants; printers are in dialect, the interpreter in policy/eval.
package expr

// Node is a typed expression. The family is sealed: Literal, Column, Key,
// Subject and Call are all there is, and whoever walks nodes must treat
// anything else as unknown and refuse.
//
//sumtype:decl
type Node interface {
	// Type is the type of the node's value, fixed when the node was made.
	Type() Type
	node()
}

// Literal is a constant. A NULL literal still has a type.
type Literal struct {
	Value Value
	Typ   Type
}

// Column is a column of the row the expression is about.
type Column struct {
	Name string
	Typ  Type
}

// Key stands for a hash key: 64 lower-case hexadecimal digits that are not in
// the tree. ID names it ("source/12", "project/3"); whoever prints or evaluates
// the tree resolves it. A key never appears in printed expressions, JSON,
// reasons or fingerprints, only its ID and version do.
type Key struct {
	ID string
}

// Fact is a question about the subject or the time of asking.
type Fact uint8

// The facts. The zero Fact is unknown and refused everywhere.
const (
	UnknownFact       Fact = iota
	HasAttribute           // Key, Text: the subject holds this attribute value. Bool
	InGroup                // Text: the subject is a member of the group. Bool
	UsingPurpose           // Text: the subject acts under the purpose or one below it. Bool
	AttributeContains      // Key, Arg: the row's value is among the subject's values of the attribute. Bool
	GroupsContain          // Arg: the row's value names a group of the subject. Bool
	PurposesContain        // Arg: the row's value names a purpose the subject acts under. Bool
	UserName               // the subject's user name. Text
	UserIAM                // the subject's IAM. Text
	Now                    // the time of asking, UTC. Instant
	Today                  // the day of asking, UTC. Date

	// The two below stand in expressions that are pushed to a platform, never in policies: what they ask
	// about the subject was worked out beforehand and is looked up there, by the number in Key.
	SlotHolds    // the condition of the slot holds for the subject. Bool
	SlotContains // Arg: the row's value is among the texts of the slot. Bool
)

// Subject is a fact about the asker. With a known subject Fold replaces it by
// literals; on push platforms it is printed as a look-up.
type Subject struct {
	Fact Fact
	Key  string // attribute key
	Text string // value, group, purpose
	Arg  Node   // the row's value for ...Contains; its type has a canonical text
	// Placeholder is what AttributeContains and GroupsContain compare with when the
	// subject's list is empty; nil means an empty list contains nothing.
	Placeholder *string
}

// Call applies a function of the catalogue (func.go). Make calls with NewCall,
// which checks the arguments; a Call made otherwise is not typed.
type Call struct {
	Func Func
	Args []Node
	typ  Type
}

func (Literal) node() {}
func (Column) node()  {}
func (Key) node()     {}
func (Subject) node() {}
func (Call) node()    {}

// Type implements Node.
func (l Literal) Type() Type { return l.Typ }

// Type implements Node.
func (c Column) Type() Type { return c.Typ }

// Type implements Node. A key has no type that an operator could use.
func (Key) Type() Type { return Type{Kind: Opaque, Native: "key"} }

// Type implements Node.
func (s Subject) Type() Type {
	switch s.Fact {
	case HasAttribute, InGroup, UsingPurpose, AttributeContains, GroupsContain, PurposesContain, SlotHolds, SlotContains:
		return BoolType
	case UserName, UserIAM:
		return TextType
	case Now:
		return InstantType
	case Today:
		return DateType
	default:
		return Type{}
	}
}

// Type implements Node.
func (c Call) Type() Type { return c.typ }

// True and False are the Boolean constants.
var (
	True  = Literal{Value: BoolValue(true), Typ: BoolType}
	False = Literal{Value: BoolValue(false), Typ: BoolType}
)

// NullOf is a NULL of the given type.
func NullOf(t Type) Literal { return Literal{Typ: t} }

// IntLit makes a literal of type int.
func IntLit(i int64) Literal { return Literal{Value: IntValue(i), Typ: IntType} }

// TextLit makes a literal of type text.
func TextLit(s string) Literal { return Literal{Value: TextValue(s), Typ: TextType} }

// BoolLit makes a literal of type bool.
func BoolLit(b bool) Literal { return Literal{Value: BoolValue(b), Typ: BoolType} }

// Any reports whether is holds for n or for anything below it.
func Any(n Node, is func(Node) bool) bool {
	found := false
	Walk(n, func(n Node) bool {
		found = found || is(n)
		return !found
	})
	return found
}

// Asks reports whether n asks about the subject or the time.
func Asks(n Node) bool {
	return Any(n, func(n Node) bool { _, is := n.(Subject); return is })
}

// Walk calls visit for n and everything below it, parents first, and stops
// descending where visit returns false.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	switch n := n.(type) {
	case Subject:
		Walk(n.Arg, visit)
	case Call:
		for _, a := range n.Args {
			Walk(a, visit)
		}
	case Literal, Column, Key:
	}
}
