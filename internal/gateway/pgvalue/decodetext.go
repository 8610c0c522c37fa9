package pgvalue

import (
	"strconv"
	"strings"

	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
)

// arrayArg reads the array syntax with one dimension.
func arrayArg(elem uint32, s string) (any, error) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, errBadText
	}
	s = s[1 : len(s)-1]
	items := []any{}
	if strings.TrimSpace(s) == "" {
		return items, nil
	}
	for {
		text, quoted, rest, more, ok := arrayItem(s)
		if !ok || len(items) >= maxArrayArgs {
			return nil, errBadText
		}
		if !quoted && strings.EqualFold(text, "null") {
			items = append(items, nil)
		} else {
			v, err := textArg(elem, text)
			if err != nil {
				return nil, err
			}
			items = append(items, v)
		}
		if !more {
			return items, nil
		}
		s = rest
	}
}

// arrayItem cuts the first element off; more says that a comma followed it.
func arrayItem(s string) (text string, quoted bool, rest string, more, ok bool) {
	var b strings.Builder
	s = strings.TrimLeft(s, " \t\n\r")
	quoted = strings.HasPrefix(s, `"`)
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			continue
		case quoted && ch == '"':
			rest = strings.TrimLeft(s[i+1:], " \t\n\r")
			if rest == "" {
				return b.String(), true, "", false, true
			}
			return b.String(), true, rest[1:], true, rest[0] == ','
		case !quoted && ch == ',':
			return strings.TrimSpace(b.String()), false, s[i+1:], true, strings.TrimSpace(b.String()) != ""
		case !quoted && (ch == '{' || ch == '}' || ch == '"'):
			return "", false, "", false, false
		default:
			b.WriteByte(ch)
		}
	}
	text = strings.TrimSpace(b.String())
	return text, false, "", false, !quoted && text != ""
}

// timeArg reads ISO dates and times, with a zone where the type has one. A time stamp with zone
// that names none is in UTC.
func timeArg(oid uint32, s string) (any, error) {
	p := timeReader{s: strings.TrimSpace(s)}
	switch low := strings.ToLower(p.s); {
	case low == "infinity" || low == "-infinity":
		return infiniteArg(oid, low[0] != '-')
	case oid == pgtype.Time:
		us, ok := p.clock()
		_, zoneOK := p.zone()
		return checked(duck.TimeValue(us), ok && zoneOK && p.s == "")
	}
	days, ok := p.date()
	var us, east int64
	if ok && p.s != "" && (p.s[0] == ' ' || p.s[0] == 'T' || p.s[0] == 't') && len(p.s) > 1 && isDigit(p.s[1]) {
		p.s = p.s[1:]
		us, ok = p.clock()
	}
	east, zoneOK := p.zone()
	bc := strings.EqualFold(strings.TrimSpace(p.s), "bc")
	if bc {
		p.s = ""
		y, m, d := civil(days)
		days = dayNumber(1-y, m, d)
	}
	ok = ok && zoneOK && p.s == ""
	if oid != pgtype.Date && (days > maxDays || days < -maxDays) { // in microseconds it would be another time
		return nil, errBadText
	}
	switch oid {
	case pgtype.Date:
		return checked(duck.DateValue(days), ok && days == int64(int32(days)))
	case pgtype.Timestamp:
		return checked(duck.TimestampValue(days*microsPerDay+us), ok)
	default:
		return checked(duck.InstantValue(days*microsPerDay+us-east*1_000_000), ok)
	}
}

// maxDays is how many days before or after 1970 a time stamp may lie: as many as 64 bits of microseconds hold, less one for the clock and zone.
const maxDays = 1<<63/microsPerDay - 2

func infiniteArg(oid uint32, positive bool) (any, error) {
	if oid == pgtype.Time {
		return nil, errBadText
	}
	days, us := int32(1<<31-1), int64(1<<63-1)
	if !positive {
		days, us = -days, -us
	}
	switch oid {
	case pgtype.Date:
		return duck.DateValue(days), nil
	case pgtype.Timestamp:
		return duck.TimestampValue(us), nil
	default:
		return duck.InstantValue(us), nil
	}
}

// timeReader eats a text from its front.
type timeReader struct{ s string }

func (p *timeReader) number(least, most int) (int64, bool) {
	n := 0
	for n < len(p.s) && n < most && isDigit(p.s[n]) {
		n++
	}
	v, err := strconv.ParseInt(p.s[:n], 10, 64)
	p.s = p.s[n:]
	return v, err == nil && n >= least
}

func (p *timeReader) eat(b byte) bool {
	if p.s == "" || p.s[0] != b {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *timeReader) date() (int64, bool) {
	y, ok1 := p.number(4, 6)
	dash1 := p.eat('-')
	m, ok2 := p.number(1, 2)
	dash2 := p.eat('-')
	d, ok3 := p.number(1, 2)
	days := dayNumber(y, m, d)
	yy, mm, dd := civil(days)
	return days, ok1 && ok2 && ok3 && dash1 && dash2 && m >= 1 && m <= 12 && yy == y && mm == m && dd == d
}

func (p *timeReader) clock() (int64, bool) {
	h, ok := p.number(1, 2)
	colon := p.eat(':')
	m, ok2 := p.number(2, 2)
	var sec, frac int64
	ok3 := true
	if p.eat(':') {
		sec, ok3 = p.number(2, 2)
		if ok3 && p.eat('.') {
			digits := p.s
			if frac, ok3 = p.number(1, 6); ok3 {
				for n := len(digits) - len(p.s); n < 6; n++ {
					frac *= 10
				}
			}
			for p.s != "" && isDigit(p.s[0]) {
				p.s = p.s[1:]
			}
		}
	}
	us := ((h*60+m)*60+sec)*1_000_000 + frac
	return us, ok && colon && ok2 && ok3 && m < 60 && sec < 60 && us <= microsPerDay
}

// zone reads Z or an offset and returns seconds east of UTC; nothing is UTC.
func (p *timeReader) zone() (int64, bool) {
	rest := strings.TrimLeft(p.s, " ")
	if rest == "" {
		p.s = ""
		return 0, true
	}
	sign := int64(1)
	switch {
	case strings.EqualFold(rest, "z") || strings.EqualFold(rest, "utc"):
		p.s = ""
		return 0, true
	case rest[0] == '-':
		sign = -1
	case rest[0] != '+':
		return 0, true // an era may follow
	}
	p.s = rest[1:]
	h, ok := p.number(2, 2)
	var m, sec int64
	ok2, ok3 := true, true
	if p.eat(':') || p.s != "" && isDigit(p.s[0]) {
		m, ok2 = p.number(2, 2)
		if p.eat(':') {
			sec, ok3 = p.number(2, 2)
		}
	}
	return sign * ((h*60+m)*60 + sec), ok && ok2 && ok3 && h < 16 && m < 60 && sec < 60
}

// parseInterval reads the verbose form ("1 year 2 mons 3 days 04:05:06") and what the ISO form
// of drivers needs is refused.
func parseInterval(s string) (iv duck.IntervalValue, ok bool) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return iv, false
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if strings.Contains(w, ":") {
			p := timeReader{s: strings.TrimLeft(w, "+-")}
			us, good := p.clock()
			if strings.HasPrefix(w, "-") {
				us = -us
			}
			iv.Micros += us
			if !good || p.s != "" {
				return iv, false
			}
			continue
		}
		n, err := strconv.ParseInt(w, 10, 32)
		if err != nil || i+1 == len(words) {
			return iv, false
		}
		i++
		switch strings.TrimSuffix(strings.ToLower(words[i]), "s") {
		case "year":
			iv.Months += int32(n) * 12
		case "mon", "month":
			iv.Months += int32(n)
		case "week":
			iv.Days += int32(n) * 7
		case "day":
			iv.Days += int32(n)
		case "hour":
			iv.Micros += n * 3_600_000_000
		case "min", "minute":
			iv.Micros += n * 60_000_000
		case "sec", "second":
			iv.Micros += n * 1_000_000
		default:
			return iv, false
		}
	}
	return iv, true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
