package eval

import (
	"regexp"
	"strconv"
	"strings"

	"stead/policy/expr"
)

// In here a character is a code point. Arguments are valid UTF-8.

func lower(_ expr.Call, a []expr.Value) expr.Value { return shift(a[0].Text, 'A', 'Z', 'a'-'A') }

func upper(_ expr.Call, a []expr.Value) expr.Value { return shift(a[0].Text, 'a', 'z', 'A'-'a') }

func shift(s string, from, to, by rune) expr.Value {
	return expr.TextValue(strings.Map(func(r rune) rune {
		if r >= from && r <= to {
			return r + by
		}
		return r
	}, s))
}

func trim(_ expr.Call, a []expr.Value) expr.Value {
	return expr.TextValue(strings.Trim(a[0].Text, " "))
}

func ltrim(_ expr.Call, a []expr.Value) expr.Value {
	return expr.TextValue(strings.TrimLeft(a[0].Text, " "))
}

func rtrim(_ expr.Call, a []expr.Value) expr.Value {
	return expr.TextValue(strings.TrimRight(a[0].Text, " "))
}

func length(_ expr.Call, a []expr.Value) expr.Value {
	return expr.IntValue(int64(len([]rune(a[0].Text))))
}

func octets(_ expr.Call, a []expr.Value) expr.Value { return expr.IntValue(int64(len(a[0].Text))) }

// slice is the characters from (counted from 0) to, as far as there are any.
func slice(s string, from, to int64) expr.Value {
	r := []rune(s)
	n := int64(len(r))
	from, to = min(max(from, 0), n), min(max(to, 0), n)
	return expr.TextValue(string(r[from:max(from, to)]))
}

func substr(_ expr.Call, a []expr.Value) expr.Value {
	return slice(a[0].Text, a[1].Int-1, a[1].Int-1+a[2].Int)
}

func left(_ expr.Call, a []expr.Value) expr.Value { return slice(a[0].Text, 0, a[1].Int) }

func right(_ expr.Call, a []expr.Value) expr.Value {
	n := int64(len([]rune(a[0].Text)))
	return slice(a[0].Text, n-a[1].Int, n)
}

func concat(_ expr.Call, a []expr.Value) expr.Value {
	var b strings.Builder
	for _, v := range a {
		b.WriteString(v.Text)
	}
	return expr.TextValue(b.String())
}

func replace(_ expr.Call, a []expr.Value) expr.Value {
	return expr.TextValue(strings.ReplaceAll(a[0].Text, a[1].Text, a[2].Text))
}

func position(_ expr.Call, a []expr.Value) expr.Value {
	i := strings.Index(a[0].Text, a[1].Text)
	if i < 0 {
		return expr.IntValue(0)
	}
	return expr.IntValue(int64(len([]rune(a[0].Text[:i]))) + 1)
}

func contains(_ expr.Call, a []expr.Value) expr.Value {
	return expr.BoolValue(strings.Contains(a[0].Text, a[1].Text))
}

func startsWith(_ expr.Call, a []expr.Value) expr.Value {
	return expr.BoolValue(strings.HasPrefix(a[0].Text, a[1].Text))
}

func endsWith(_ expr.Call, a []expr.Value) expr.Value {
	return expr.BoolValue(strings.HasSuffix(a[0].Text, a[1].Text))
}

// like tells for every end of a prefix of the text whether the pattern so far matches it.
func like(_ expr.Call, a []expr.Value) expr.Value {
	text, pattern := []rune(a[0].Text), []rune(a[1].Text)
	reached := make([]bool, len(text)+1)
	reached[0] = true
	for i := 0; i < len(pattern); i++ {
		next := make([]bool, len(text)+1)
		if pattern[i] == '%' {
			seen := false
			for j := range next {
				seen = seen || reached[j]
				next[j] = seen
			}
			reached = next
			continue
		}
		anyRune := pattern[i] == '_'
		if pattern[i] == '!' {
			i++
		}
		for j, r := range text {
			next[j+1] = reached[j] && (anyRune || r == pattern[i])
		}
		reached = next
	}
	return expr.BoolValue(reached[len(text)])
}

func splitPart(_ expr.Call, a []expr.Value) expr.Value {
	parts := strings.Split(a[0].Text, a[1].Text)
	if a[2].Int > int64(len(parts)) {
		return expr.TextValue("")
	}
	return expr.TextValue(parts[a[2].Int-1])
}

func lpad(_ expr.Call, a []expr.Value) expr.Value {
	n := len([]rune(a[0].Text))
	if want := int(a[1].Int); n < want {
		return expr.TextValue(strings.Repeat(a[2].Text, want-n) + a[0].Text)
	}
	return slice(a[0].Text, 0, a[1].Int)
}

func rpad(_ expr.Call, a []expr.Value) expr.Value {
	n := len([]rune(a[0].Text))
	if want := int(a[1].Int); n < want {
		return expr.TextValue(a[0].Text + strings.Repeat(a[2].Text, want-n))
	}
	return slice(a[0].Text, 0, a[1].Int)
}

func keepFirst(_ expr.Call, a []expr.Value) expr.Value {
	r := []rune(a[0].Text)
	if int64(len(r)) <= a[1].Int {
		return expr.TextValue(strings.Repeat(a[2].Text, len(r)))
	}
	return expr.TextValue(string(r[:a[1].Int]) + strings.Repeat(a[2].Text, len(r)-int(a[1].Int)))
}

func keepLast(_ expr.Call, a []expr.Value) expr.Value {
	r := []rune(a[0].Text)
	if int64(len(r)) <= a[1].Int {
		return expr.TextValue(strings.Repeat(a[2].Text, len(r)))
	}
	hidden := len(r) - int(a[1].Int)
	return expr.TextValue(strings.Repeat(a[2].Text, hidden) + string(r[hidden:]))
}

// compiled translates the portable pattern: . matches new lines, ^ and $ are the ends
// of the whole text. NewCall has checked that it is one.
func compiled(pattern string) (*regexp.Regexp, bool) {
	p, err := expr.ParsePattern(pattern)
	if err != nil {
		return nil, false
	}
	s := "(?s)"
	if p.Start {
		s += `\A`
	}
	s += "(?:" + p.Body + ")"
	if p.End {
		s += `\z`
	}
	re, err := regexp.Compile(s)
	return re, err == nil
}

func matches(_ expr.Call, a []expr.Value) expr.Value {
	re, ok := compiled(a[1].Text)
	if !ok {
		return expr.Null
	}
	return expr.BoolValue(re.MatchString(a[0].Text))
}

func regexReplace(_ expr.Call, a []expr.Value) expr.Value {
	re, ok := compiled(a[1].Text)
	if !ok {
		return expr.Null
	}
	return expr.TextValue(re.ReplaceAllLiteralString(a[0].Text, a[2].Text))
}

func listHas(_ expr.Call, a []expr.Value) expr.Value {
	for _, item := range a[0].Items {
		if item.Valid && item.Text == a[1].Text {
			return expr.BoolValue(true)
		}
	}
	return expr.BoolValue(false)
}

func toText(c expr.Call, a []expr.Value) expr.Value {
	s, ok := expr.CanonicalText(a[0], c.Args[0].Type())
	if !ok {
		return expr.Null
	}
	return expr.TextValue(s)
}

var plainInt = regexp.MustCompile(`\A-?[0-9]{1,18}\z`)

func toInt(_ expr.Call, a []expr.Value) expr.Value {
	if !plainInt.MatchString(a[0].Text) {
		return expr.Null
	}
	i, err := strconv.ParseInt(a[0].Text, 10, 64)
	if err != nil {
		return expr.Null
	}
	return expr.IntValue(i)
}
