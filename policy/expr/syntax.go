package expr

// CheckSyntax reads an expression text without knowing a data source: it refuses, with a
// *SyntaxError, what could be an expression over no table at all, such as a missing operand, an unknown
// function or a wrong number of arguments. Whether columns exist and types fit is found out by Parse.
func CheckSyntax(src string) error {
	_, err := parseWith(&parser{src: src, scope: anyTable{}, untyped: true})
	return err
}

// anyTable has every column and every tag, of no type.
type anyTable struct{}

func (anyTable) Column(name string) (Column, bool) { return Column{Name: name}, true }
func (anyTable) Tagged(tag string) []Column        { return []Column{{Name: tag}} }
func (anyTable) HashKeys() []string                { return []string{"any"} }

// untypedCall stands for a call whose arguments' types are not known.
func (p *parser) untypedCall(t token, f Func, args int) (Node, error) {
	n, ok := arity[f]
	if !ok {
		return nil, p.fail(t, "there is no function %q", string(f))
	}
	if args < n[0] || n[1] >= 0 && args > n[1] {
		return nil, p.fail(t, "%s takes %s, not %d", f, plural(n), args)
	}
	return Column{Name: string(f)}, nil
}
