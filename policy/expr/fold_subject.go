package expr

import (
	"slices"
	"strings"
	"unicode/utf8"
)

func foldSubject(s Subject, f *Facts) Node {
	if s.Arg != nil {
		s.Arg = Fold(s.Arg, f)
	}
	if f == nil {
		return s
	}
	switch s.Fact {
	case HasAttribute:
		return BoolLit(slices.Contains(f.Attributes[s.Key], s.Text))
	case InGroup:
		return BoolLit(slices.Contains(f.Groups, s.Text))
	case UsingPurpose:
		return BoolLit(slices.Contains(ActedUnder(f.Purposes), s.Text))
	case AttributeContains:
		return oneOf(s, f.Attributes[s.Key])
	case GroupsContain:
		return oneOf(s, f.Groups)
	case PurposesContain:
		return oneOf(s, ActedUnder(f.Purposes))
	case UserName:
		return textFact(f.UserName)
	case UserIAM:
		return textFact(f.IAM)
	case Now:
		return timeFact(InstantValue(f.NowMicros), InstantType)
	case Today:
		return timeFact(DateValue(floorDiv(f.NowMicros, dayMicros)), DateType)
	default:
		return s // unknown: left for whoever prints it to refuse
	}
}

// A fact that no literal can hold is not known: NULL.
func textFact(s string) Node {
	if !utf8.ValidString(s) {
		return NullOf(TextType)
	}
	return TextLit(s)
}

func timeFact(v Value, t Type) Node {
	if _, ok := CanonicalText(v, t); !ok {
		return NullOf(t)
	}
	return Literal{Value: v, Typ: t}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ActedUnder is the purposes and, because acting under a purpose is acting under those
// above it, all their dotted ancestors.
func ActedUnder(purposes []string) []string {
	out := slices.Clone(purposes)
	for _, p := range purposes {
		for i := strings.LastIndexByte(p, '.'); i > 0; i = strings.LastIndexByte(p[:i], '.') {
			out = append(out, p[:i])
		}
	}
	return out
}

// oneOf compares the row's value with the texts that are canonical for its type.
// Nothing to compare with is FALSE, also for NULL.
func oneOf(s Subject, texts []string) Node {
	if s.Arg == nil {
		return s // not an expression: left for whoever prints it to refuse
	}
	if len(texts) == 0 && s.Placeholder != nil {
		texts = []string{*s.Placeholder}
	}
	texts = slices.Clone(texts)
	slices.Sort(texts)
	args := make([]Node, 1, len(texts)+1)
	args[0] = s.Arg
	for _, text := range slices.Compact(texts) {
		if l, ok := MatchLiteral(text, s.Arg.Type()); ok {
			args = append(args, l)
		}
	}
	if len(args) == 1 {
		return False
	}
	// What MatchLiteral gives is a value of the argument's class, so the call is typed.
	return foldStrict(Call{Func: In, Args: args, typ: BoolType})
}

// MatchLiteral is what a column of type t is compared with to find the rows whose
// canonical text is text; false if no row can have it. The declared length of a text is
// not held against the text: engines do not all enforce it.
func MatchLiteral(text string, t Type) (Literal, bool) {
	if t.Kind == Text {
		trimmed := !t.Fixed || !strings.HasSuffix(text, " ")
		return TextLit(text), trimmed && utf8.ValidString(text)
	}
	v, ok := ParseCanonical(text, t)
	return Literal{Value: v, Typ: computed(t)}, ok
}
