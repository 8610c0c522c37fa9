package govern

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"stead"
)

// Target is where the address of a PostgreSQL server leads.
type Target struct {
	Host, Port, User, Database string
	// Mode is the sslmode, "" when the address says none.
	Mode string
}

// Private reports whether nobody between can read what is sent: TLS is required, or it stays on the machine.
func (t Target) Private() bool {
	if slices.Contains([]string{"require", "verify-ca", "verify-full"}, t.Mode) || strings.HasPrefix(t.Host, "/") || t.Host == "localhost" {
		return true
	}
	ip := net.ParseIP(t.Host)
	return ip != nil && ip.IsLoopback()
}

// PostgresAddress reads a postgres:// URL or "key=value ..." without a password. Only what is known to be harmless may stand in it;
// host, user and database must, so that nothing of the server's surroundings fills them in. Errors do not repeat the address: it may hold a
// password.
func PostgresAddress(address string) (Target, error) {
	pairs, err := addressPairs(address)
	if err != nil {
		return Target{}, err.At(stead.Place{Path: "address"})
	}
	t := Target{Port: "5432"}
	for _, p := range pairs {
		if err := t.set(p[0], p[1]); err != nil {
			return Target{}, err.At(stead.Place{Path: "address"})
		}
	}
	for name, value := range map[string]string{"host": t.Host, "user": t.User, "database": t.Database} {
		if value == "" {
			return Target{}, badAddress("names no %s", name)
		}
	}
	if t.User != strings.TrimSpace(t.User) || checkText("address", t.User+t.Host+t.Database, 1024) != nil {
		return Target{}, badAddress("cannot be read")
	}
	return t, nil
}

func badAddress(format string, args ...any) *stead.Error {
	return invalid("address", format, args...).
		WithHint("write postgres://USER@HOST:5432/DATABASE?sslmode=verify-full, or host=HOST user=USER dbname=DATABASE sslmode=verify-full")
}

func passwordInAddress() *stead.Error {
	return invalid("address", "holds a password, or names a file with one").
		WithHint("leave it out: store it with `stead credential set NAME` and name it as the connection's credential")
}

func (t *Target) set(name, value string) *stead.Error {
	if strings.Contains(value, "\x00") {
		return badAddress("cannot be read")
	}
	switch name {
	case "host":
		t.Host = value
		if strings.Contains(value, ",") {
			return badAddress("names several hosts")
		}
	case "port":
		t.Port = value
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 {
			return badAddress("has a port that is none")
		}
	case "user":
		t.User = value
	case "dbname", "database":
		t.Database = value
	case "sslmode":
		t.Mode = value
		if !slices.Contains([]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, value) {
			return badAddress("has an sslmode that is not known")
		}
	case "sslrootcert", "sslcert", "sslkey":
		if !path.IsAbs(value) {
			return badAddress("has a relative path in %s", name)
		}
	case "connect_timeout":
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 60 {
			return badAddress("has a connect_timeout that is not 1 to 60 seconds")
		}
	case "password", "sslpassword", "passfile", "service", "servicefile":
		return passwordInAddress()
	default:
		return badAddress("has a parameter that is not known: %q", shorten(name))
	}
	return nil
}

// addressPairs splits an address into its parts, each at most once.
func addressPairs(address string) ([][2]string, *stead.Error) {
	var out [][2]string
	var err *stead.Error
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		out, err = urlPairs(address)
	} else {
		out, err = wordPairs(address)
	}
	seen := map[string]bool{}
	for _, p := range out {
		name := p[0]
		if name == "database" {
			name = "dbname"
		}
		if err == nil && seen[name] {
			err = badAddress("says %s twice", shorten(name))
		}
		seen[name] = true
	}
	return out, err
}

func urlPairs(address string) ([][2]string, *stead.Error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return nil, badAddress("cannot be read")
	}
	var out [][2]string
	add := func(name, value string) {
		if value != "" {
			out = append(out, [2]string{name, value})
		}
	}
	if _, is := u.User.Password(); is {
		return nil, passwordInAddress()
	}
	add("user", u.User.Username())
	if strings.Contains(u.Host, ",") {
		return nil, badAddress("names several hosts")
	}
	add("host", u.Hostname())
	add("port", u.Port())
	add("dbname", strings.TrimPrefix(u.Path, "/"))
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, badAddress("cannot be read")
	}
	for name, values := range query {
		for _, v := range values {
			out = append(out, [2]string{name, v})
		}
	}
	return out, nil
}

// wordPairs reads key=value words; values may be quoted by ' and escaped by \.
func wordPairs(text string) ([][2]string, *stead.Error) {
	const space = " \t\r\n"
	var out [][2]string
	for {
		text = strings.TrimLeft(text, space)
		if text == "" {
			return out, nil
		}
		name, rest, found := strings.Cut(text, "=")
		name = strings.Trim(name, space)
		if !found || name == "" || strings.ContainsAny(name, space+`'\`) {
			return nil, badAddress("cannot be read")
		}
		value, rest, ok := wordValue(strings.TrimLeft(rest, space))
		if !ok {
			return nil, badAddress("cannot be read")
		}
		out, text = append(out, [2]string{name, value}), rest
	}
}

func wordValue(text string) (value, rest string, ok bool) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
			if i == len(text) {
				return "", "", false
			}
			b.WriteByte(text[i])
		case quoted && c == '\'':
			rest = text[i+1:]
			return b.String(), rest, rest == "" || strings.ContainsRune(" \t\r\n", rune(rest[0]))
		case !quoted && strings.IndexByte(" \t\r\n", c) >= 0:
			return b.String(), text[i:], true
		case !quoted && c == '\'':
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", !quoted
}
