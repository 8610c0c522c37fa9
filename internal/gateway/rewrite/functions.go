package rewrite

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed functions.txt
var functionText string

// function is an entry of the list of functions a statement may call.
type function struct {
	name   string
	class  string // "scalar", "aggregate", "window", "table"
	bounds []int  // 0-based arguments that must be literals not above Limits.Length
	total  []signature
}

// signature is one proved combination of argument kinds and its result. A
// variadic signature repeats its last argument.
type signature struct {
	args     []kind
	variadic bool
	result   kind // sameKind gives the first argument's
}

// parseFunctions reads functions.txt: a class in brackets, then lines of a name
// and what is known of it: "!2" bounds the second argument, "tt>i" is a proved
// signature, "*" after the last argument repeats it.
func parseFunctions(src string) (map[string]function, error) {
	out := map[string]function{}
	class := ""
	for n, line := range strings.Split(src, "\n") {
		line, _, _ = strings.Cut(line, " #")
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if c, ok := strings.CutPrefix(fields[0], "["); ok {
			class = strings.TrimSuffix(c, "]")
			continue
		}
		f := function{name: fields[0], class: class}
		for _, spec := range fields[1:] {
			if err := f.add(spec); err != nil {
				return nil, fmt.Errorf("functions.txt:%d: %w", n+1, err)
			}
		}
		key := class + " " + f.name
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("functions.txt:%d: %s twice", n+1, key)
		}
		out[key] = f
	}
	return out, nil
}

func (f *function) add(spec string) error {
	if b, ok := strings.CutPrefix(spec, "!"); ok {
		i, err := strconv.Atoi(b)
		f.bounds = append(f.bounds, i-1)
		return err
	}
	args, result, ok := strings.Cut(spec, ">")
	if !ok || len(result) != 1 {
		return fmt.Errorf("%q is neither a bound nor a signature", spec)
	}
	var s signature
	args, s.variadic = strings.CutSuffix(args, "*")
	for _, letter := range args {
		k, ok := kindOf[letter]
		if !ok {
			return fmt.Errorf("unknown kind %q", letter)
		}
		s.args = append(s.args, k)
	}
	s.result, ok = kindOf[rune(result[0])]
	if !ok {
		return fmt.Errorf("unknown kind %q", result)
	}
	f.total = append(f.total, s)
	return nil
}

// match finds the proved signature for the arguments.
func (f function) match(args []typ) (typ, bool) {
	for _, s := range f.total {
		if s.matches(args) {
			return s.typeOf(args), true
		}
	}
	return typ{}, false
}

func (s signature) matches(args []typ) bool {
	if len(args) != len(s.args) && !(s.variadic && len(args) >= len(s.args)) {
		return false
	}
	for i, a := range args {
		want := s.args[min(i, len(s.args)-1)]
		if !a.fits(want) {
			return false
		}
	}
	return true
}

func (s signature) typeOf(args []typ) typ {
	if s.result == sameKind && len(args) > 0 {
		t := args[0]
		t.constant, t.literal, t.text = false, false, ""
		return t
	}
	if s.result == wideKind {
		return typ{kind: decimalKind, precision: 38, scale: args[0].scale}
	}
	return typ{kind: s.result, precision: 19}
}
