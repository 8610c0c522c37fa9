package policy

import (
	"errors"
	"strings"

	"stead"
	"stead/policy/expr"
)

func (c *Config) checkWhere(path string) Problems {
	out := c.only(path, RowByWhere, nil, []string{"predicate", "column", "values", "invert"})
	if (c.Column == nil) != (c.Values == "") || c.Predicate == "" && c.Column == nil {
		out = append(out, problem(path, "needs a predicate, or a column with values"))
	}
	if c.Invert && c.Column == nil {
		out = append(out, problem(join(path, "invert"), "belongs to column and values"))
	}
	out = append(out, checkText(join(path, "predicate"), c.Predicate)...)
	if c.Column != nil {
		if c.Column.Type != "tag" && c.Column.Type != "column" {
			out = append(out, problem(join(path, "column.type"), "must be \"tag\" or \"column\""))
		}
		out = append(out, notEmpty(c.Column.Name, join(path, "column.name"))...)
	}
	return out
}

// checkText refuses a text that is no expression over any table; "" is no text.
func checkText(path, src string) Problems {
	if src == "" {
		return nil
	}
	if err := expr.CheckSyntax(src); err != nil {
		return Problems{problem(path, "%s", err)}
	}
	return nil
}

// bindWhere makes the condition of the author's text. A rule that carries both a predicate and a
// list of values (as exported documents do) must satisfy both.
func (b *binder) bindWhere(c *Config) (expr.Node, error) {
	var nodes []expr.Node
	if c.Predicate != "" {
		n, err := b.condition(c.Predicate)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	if c.Column != nil {
		n, err := b.bindValues(c)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return combine(expr.And, nodes)
}

func (b *binder) bindValues(c *Config) (expr.Node, error) {
	tag, name := stead.Tag(""), c.Column.Name
	if c.Column.Type == "tag" {
		tag, name = stead.Tag(c.Column.Name), ""
	}
	col, err := b.column(tag, name)
	if err != nil {
		return nil, err
	}
	n, err := b.condition(quoteName(col.Name) + " IN (" + c.Values + ")")
	if err != nil {
		return nil, err
	}
	if call, ok := n.(expr.Call); !ok || call.Func != expr.In {
		return nil, errors.New("values must be a list of literals")
	}
	if c.Invert {
		return expr.NewCall(expr.Not, n)
	}
	return n, nil
}

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// condition parses a text that must be Boolean.
func (b *binder) condition(text string) (expr.Node, error) {
	n, err := expr.Parse(text, b)
	if err != nil {
		return nil, err
	}
	if n.Type().Kind != expr.Bool {
		return nil, errors.New("the predicate must be true or false, not " + n.Type().String())
	}
	return n, nil
}
