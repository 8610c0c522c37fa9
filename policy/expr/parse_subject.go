package expr

import (
	"slices"
	"strings"
)

// subject reads what starts with @. Names are compared without letter case.
func (p *parser) subject(t token) (Node, error) {
	name := lowerASCII(t.text)
	switch name {
	case "username":
		return Subject{Fact: UserName}, nil
	case "iam":
		return Subject{Fact: UserIAM}, nil
	}
	if p.source != nil {
		if s, ok := p.source.variable(name); ok {
			return TextLit(s), nil
		}
	}
	if err := p.expect("("); err != nil {
		return nil, p.fail(t, "@%s is not known", t.text)
	}
	switch name {
	case "hasattribute":
		return p.hasAttribute(t)
	case "isingroups":
		return p.inGroups(t)
	case "isusingpurpose":
		args, err := p.texts(t, 1, 1)
		if err != nil {
			return nil, err
		}
		return p.fact(t, Subject{Fact: UsingPurpose, Text: args[0]})
	case "attributevaluescontains":
		key, err := p.textArg()
		if err != nil {
			return nil, err
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
		return p.contains(t, Subject{Fact: AttributeContains, Key: key})
	case "groupscontains":
		return p.contains(t, Subject{Fact: GroupsContain})
	case "purposescontains":
		return p.contains(t, Subject{Fact: PurposesContain})
	case "columntagged", "columnreference", "key":
		args, err := p.texts(t, 1, 1)
		if err != nil {
			return nil, err
		}
		return p.reference(t, name, args[0])
	case "hastagasattribute", "hastagasgroup":
		if p.source != nil {
			return p.hasTag(t, name == "hastagasattribute")
		}
	}
	return nil, p.fail(t, "@%s is not known here", t.text)
}

// variable gives @hostname and its like.
func (f *SourceFacts) variable(name string) (string, bool) {
	switch name {
	case "hostname":
		return f.Hostname, true
	case "database":
		return f.Database, true
	case "schema":
		return f.Schema, true
	case "table":
		return f.Table, true
	}
	return "", false
}

func (p *parser) fact(t token, s Subject) (Node, error) {
	if err := valid(s); err != nil && !p.untyped {
		return nil, p.fail(t, "@%s: %s", t.text, err)
	}
	return s, nil
}

func (p *parser) textArg() (string, error) {
	t := p.next()
	if t.kind != stringToken {
		return "", p.fail(t, "a 'text' is expected, not %s", t)
	}
	return t.text, nil
}

// texts reads least to most texts and the closing bracket; most 0 is any number.
func (p *parser) texts(t token, least, most int) ([]string, error) {
	var out []string
	for {
		s, err := p.textArg()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		if !p.accept(",") {
			break
		}
	}
	if len(out) < least || most > 0 && len(out) > most || len(out) > MaxList {
		return nil, p.fail(t, "@%s does not take %d texts", t.text, len(out))
	}
	return out, p.expect(")")
}

// join makes one condition of several; of none FALSE.
func (p *parser) join(t token, f Func, nodes []Node) (Node, error) {
	switch len(nodes) {
	case 0:
		return False, nil
	case 1:
		return nodes[0], nil
	}
	return p.call(t, f, nodes...)
}

// hasAttribute reads @hasAttribute('Key', 'Value'). In the subscription language the
// value may hold variables; such a value is also held by who has a prefix of it that
// ends in .*, or * alone.
func (p *parser) hasAttribute(t token) (Node, error) {
	args, err := p.texts(t, 2, 2)
	if err != nil {
		return nil, err
	}
	values := []string{args[1]}
	if p.source != nil {
		values = p.source.expand(args[1])
	}
	nodes := make([]Node, len(values))
	for i, v := range values {
		if nodes[i], err = p.fact(t, Subject{Fact: HasAttribute, Key: args[0], Text: v}); err != nil {
			return nil, err
		}
	}
	return p.join(t, Or, nodes)
}

// expand replaces the variables of an attribute value.
func (f *SourceFacts) expand(value string) []string {
	r := strings.NewReplacer("@hostname", f.Hostname, "@database", f.Database, "@schema", f.Schema, "@table", f.Table)
	full := r.Replace(value)
	if !strings.ContainsRune(value, '@') || full == value {
		return []string{value}
	}
	out := []string{full}
	for i := len(full) - 1; i > 0; i-- {
		if full[i] == '.' {
			out = append(out, full[:i]+".*")
		}
	}
	return append(out, "*")
}

func (p *parser) inGroups(t token) (Node, error) {
	groups, err := p.texts(t, 1, 0)
	if err != nil {
		return nil, err
	}
	nodes := make([]Node, len(groups))
	for i, g := range groups {
		if nodes[i], err = p.fact(t, Subject{Fact: InGroup, Text: g}); err != nil {
			return nil, err
		}
	}
	return p.join(t, And, nodes)
}

// contains reads the row's value and the placeholder. A single text names a column.
func (p *parser) contains(t token, s Subject) (Node, error) {
	var err error
	if at, after := p.peek(), p.peekAt(1); at.kind == stringToken && (after.is(",") || after.is(")")) {
		p.pos++
		s.Arg, err = p.column(token{kind: quotedToken, text: at.text, at: at.at, end: at.end})
	} else {
		s.Arg, err = p.or()
	}
	if err != nil {
		return nil, err
	}
	if isBareNull(s.Arg) {
		return nil, p.fail(t, "%s", bareNullMsg)
	}
	if p.accept(",") {
		placeholder, err := p.textArg()
		if err != nil {
			return nil, err
		}
		s.Placeholder = &placeholder
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.fact(t, s)
}

func (p *parser) reference(t token, name, arg string) (Node, error) {
	switch name {
	case "columnreference":
		return p.column(token{kind: quotedToken, text: arg, at: t.at, end: t.end})
	case "key":
		if s, ok := p.scope.(KeyScope); ok && (p.untyped || slices.Contains(s.HashKeys(), arg)) {
			return Key{ID: arg}, nil
		}
		return nil, p.fail(t, "there is no key %q here", arg)
	}
	switch found := p.scope.Tagged(arg); len(found) {
	case 1:
		return found[0], nil
	case 0:
		cause := &UntaggedError{Tag: arg}
		return nil, syntaxError(p.src, t.at, cause.Error(), cause)
	default:
		names := make([]string, len(found))
		for i, c := range found {
			names[i] = c.Name
		}
		return nil, p.fail(t, "%d columns are tagged %q (%s); name the one you mean with @columnReference", len(found), arg, strings.Join(names, ", "))
	}
}

// hasTag reads @hasTagAsAttribute('Key', 'dataSource'|'column') and @hasTagAsGroup(...).
func (p *parser) hasTag(t token, attribute bool) (Node, error) {
	n := boolInt(attribute) + 1
	args, err := p.texts(t, n, n)
	if err != nil {
		return nil, err
	}
	var tags []string
	switch args[n-1] {
	case "dataSource":
		tags = p.source.Tags
	case "column":
		tags = p.source.ColumnTags
	default:
		return nil, p.fail(t, "@%s takes 'dataSource' or 'column', not %q", t.text, args[n-1])
	}
	nodes := make([]Node, len(tags))
	for i, tag := range tags {
		s := Subject{Fact: InGroup, Text: tag}
		if attribute {
			s = Subject{Fact: HasAttribute, Key: args[0], Text: tag}
		}
		if nodes[i], err = p.fact(t, s); err != nil {
			return nil, err
		}
	}
	return p.join(t, Or, nodes)
}
