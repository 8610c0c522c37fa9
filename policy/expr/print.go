package expr

import (
	"strconv"
	"strings"
)

// Print writes an expression so that Parse reads back the same one. The text is the
// same for the same expression everywhere; keys appear by their id only.
func Print(n Node) string {
	var p printer
	p.node(n, orLevel)
	return p.String()
}

// How tightly an expression binds; a child that binds less gets brackets.
const (
	orLevel = iota
	andLevel
	notLevel
	predicateLevel
	primaryLevel
)

type printer struct{ strings.Builder }

var infix = map[Func]string{Eq: " = ", Ne: " <> ", Lt: " < ", Le: " <= ", Gt: " > ", Ge: " >= ", Like: " LIKE "}

func level(n Node) int {
	c, ok := n.(Call)
	if !ok {
		return primaryLevel
	}
	switch c.Func {
	case Or:
		return orLevel
	case And:
		return andLevel
	case Not:
		return notLevel
	case Eq, Ne, Lt, Le, Gt, Ge, Like, In, Between, IsNull:
		return predicateLevel
	default:
		return primaryLevel
	}
}

func (p *printer) node(n Node, least int) {
	if level(n) < least {
		p.WriteByte('(')
		p.node(n, orLevel)
		p.WriteByte(')')
		return
	}
	switch n := n.(type) {
	case Literal:
		p.WriteString(printLiteral(n))
	case Column:
		p.WriteString(quoteName(n.Name))
	case Key:
		p.WriteString("@key(" + quoteText(n.ID) + ")")
	case Subject:
		p.subject(n)
	case Call:
		p.call(n)
	default:
		p.WriteString("<unknown node>") // does not parse
	}
}

func (p *printer) call(c Call) {
	switch c.Func {
	case Or:
		p.list(c.Args, " OR ", andLevel)
	case And:
		p.list(c.Args, " AND ", notLevel)
	case Not:
		p.WriteString("NOT ")
		p.node(c.Args[0], notLevel)
	case Eq, Ne, Lt, Le, Gt, Ge, Like:
		p.list(c.Args, infix[c.Func], primaryLevel)
	case In:
		p.node(c.Args[0], primaryLevel)
		p.WriteString(" IN (")
		p.list(c.Args[1:], ", ", orLevel)
		p.WriteByte(')')
	case Between:
		p.node(c.Args[0], primaryLevel)
		p.WriteString(" BETWEEN ")
		p.list(c.Args[1:], " AND ", primaryLevel)
	case IsNull:
		p.node(c.Args[0], primaryLevel)
		p.WriteString(" IS NULL")
	case Cast:
		p.WriteString("CAST(")
		p.node(c.Args[0], orLevel)
		p.WriteString(" AS " + EncodeType(c.Args[1].Type()) + ")")
	default:
		p.WriteString(string(c.Func) + "(")
		p.list(c.Args, ", ", orLevel)
		p.WriteByte(')')
	}
}

func (p *printer) list(nodes []Node, separator string, least int) {
	for i, n := range nodes {
		if i > 0 {
			p.WriteString(separator)
		}
		p.node(n, least)
	}
}

func (p *printer) subject(s Subject) {
	switch s.Fact {
	case HasAttribute:
		p.WriteString("@hasAttribute(" + quoteText(s.Key) + ", " + quoteText(s.Text) + ")")
	case InGroup:
		p.WriteString("@isInGroups(" + quoteText(s.Text) + ")")
	case UsingPurpose:
		p.WriteString("@isUsingPurpose(" + quoteText(s.Text) + ")")
	case AttributeContains:
		p.contains("@attributeValuesContains("+quoteText(s.Key)+", ", s)
	case GroupsContain:
		p.contains("@groupsContains(", s)
	case PurposesContain:
		p.contains("@purposesContains(", s)
	case UserName:
		p.WriteString("@username")
	case UserIAM:
		p.WriteString("@iam")
	case Now:
		p.WriteString("now()")
	case Today:
		p.WriteString("today()")
	default:
		p.WriteString("<unknown fact>")
	}
}

// contains brackets a literal, because a bare text there names a column.
func (p *printer) contains(open string, s Subject) {
	p.WriteString(open)
	if _, literal := s.Arg.(Literal); literal {
		p.WriteByte('(')
		p.node(s.Arg, orLevel)
		p.WriteByte(')')
	} else {
		p.node(s.Arg, orLevel)
	}
	if s.Placeholder != nil {
		p.WriteString(", " + quoteText(*s.Placeholder))
	}
	p.WriteByte(')')
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// printLiteral writes the short form where it reads back with the same type, and the
// type in front everywhere else.
func printLiteral(l Literal) string {
	t := EncodeType(l.Typ)
	if !l.Value.Valid {
		return t + " NULL"
	}
	if l.Typ.Kind == Float {
		s := strconv.FormatFloat(l.Value.Float, 'e', -1, 64)
		if t == "float" {
			return s
		}
		return t + " " + quoteText(s)
	}
	text, ok := CanonicalText(l.Value, l.Typ)
	switch {
	case !ok:
		return "<unknown literal>"
	case t == "bool":
		return strings.ToUpper(text)
	case t == "int", t == plainDecimal(l):
		return text
	case t == "text":
		return quoteText(text)
	default:
		return t + " " + quoteText(text)
	}
}

// plainDecimal is the type a decimal written without one reads back with.
func plainDecimal(l Literal) string {
	if l.Typ.Kind != Decimal || l.Typ.Scale == 0 && l.Value.Dec.IsInt64() {
		return ""
	}
	return DecimalType(max(digits(l.Value.Dec), l.Typ.Scale, 1), l.Typ.Scale).String()
}
