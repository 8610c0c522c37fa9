// Package archtest checks, by reading imports, who may import whom (docs/architecture.md).
// A package without a ring is an error: a new room must be given its place first.
package archtest

import "strings"

const module = "stead"

// place is where a package stands: its ring and its room (the unit that may not
// import its neighbours in ring 4, and that is ordered in ring 3).
type place struct {
	ring int
	room string
}

// rules are the rooms of ring 3 in the order in which they may import each other.
var ruleOrder = []string{"internal/audit", "internal/snapshot", "internal/session", "internal/govern",
	"internal/bundle", "internal/reconcile"}

var exact = map[string]place{
	"":                {0, ""},
	"api":             {0, "api"},
	"policy/expr":     {0, "policy/expr"},
	"policy":          {1, "policy"},
	"internal/decide": {1, "internal/decide"},
	"internal/store":  {2, "internal/store"},
	"internal/keys":   {2, "internal/keys"},
	"internal/push":   {2, "internal/push"},
	"client":          {4, "client"},
}

// below gives the ring of whatever lies below a folder, by room.
var below = []struct {
	prefix string
	ring   int
}{
	{"policy/eval", 1}, {"dialect", 1},
	{"internal/store/", 4}, {"internal/keys/", 4}, {"internal/push/", 4},
	{"internal/gateway", 4}, {"internal/trino", 4}, {"internal/spark", 4}, {"internal/signin", 4},
	{"internal/httpapi", 4}, {"internal/mcp", 4}, {"internal/console", 4},
	{"internal/app", 5}, {"internal/conformance", 5}, {"internal/cli", 5}, {"cmd", 5}, {"bench", 5}, {"dev", 5},
	{"internal/archtest", 5}, {"internal/pgserver", 5},
}

// locate returns the place of a package path relative to the module, "" being the root.
func locate(pkg string) (place, bool) {
	if p, ok := exact[pkg]; ok {
		return p, true
	}
	for _, r := range ruleOrder {
		if pkg == r || strings.HasPrefix(pkg, r+"/") {
			return place{3, r}, true
		}
	}
	for _, b := range below {
		if pkg == strings.TrimSuffix(b.prefix, "/") || strings.HasPrefix(pkg, strings.TrimSuffix(b.prefix, "/")+"/") {
			return place{b.ring, roomOf(pkg, b.prefix)}, true
		}
	}
	return place{}, false
}

// roomOf names the room: internal/gateway/duck belongs to internal/gateway, but
// internal/store/sqlite is a room of its own.
func roomOf(pkg, prefix string) string {
	if !strings.HasSuffix(prefix, "/") {
		return prefix
	}
	rest := strings.TrimPrefix(pkg, prefix)
	first, _, _ := strings.Cut(rest, "/")
	return prefix + first
}

// purePackages are what ring 0 and 1 may not import of the standard library.
var impure = []string{"context", "net", "os", "database/sql", "log", "math/rand", "crypto/rand", "io/fs",
	"net/http", "log/slog", "syscall", "os/exec", "plugin", "unsafe"}

// oneRoom lists technologies that have one room; tests, bench and dev may use any.
var oneRoom = []struct{ prefix, room string }{
	{"github.com/duckdb/", "internal/gateway"},
	{"modernc.org/sqlite", "internal/store/sqlite"},
	{"github.com/danielgtaylor/huma", "internal/httpapi"},
	{"github.com/goccy/go-yaml", "internal/bundle"},
	{"github.com/jackc/pgx/v5/pgproto3", "internal/gateway"},
	{"github.com/spf13/cobra", "internal/cli"},
}

// judge says what is wrong with pkg importing imp; "" is fine.
func judge(pkg, imp string) string {
	from, ok := locate(pkg)
	if !ok {
		return "has no ring: give it one in internal/archtest"
	}
	if imp == module || strings.HasPrefix(imp, module+"/") {
		return judgeOwn(from, strings.TrimPrefix(strings.TrimPrefix(imp, module), "/"))
	}
	return judgeForeign(from, imp)
}

func judgeOwn(from place, target string) string {
	to, ok := locate(target)
	switch {
	case !ok:
		return "imports " + target + ", which has no ring"
	case to.room == from.room:
		return ""
	case from.room == "policy/expr" || from.room == "api":
		return "ring 0 below the root imports nothing of the project, but " + target
	case from.ring == 0:
		if target == "policy/expr" {
			return ""
		}
		return "the root may import policy/expr only, not " + target
	case from.ring == 1:
		if to.ring == 0 || to.room == "policy" || strings.HasPrefix(target, "policy/") {
			return ""
		}
		return "ring 1 may import ring 0 and policy only, not " + target
	case from.room == "client":
		if to.ring <= 1 {
			return ""
		}
		return "client may import rings 0 and 1 only, not " + target
	case from.ring == 3 && to.ring == 3:
		if order(to.room) < order(from.room) {
			return ""
		}
		return "ring 3 imports only rooms before it, not " + target
	case from.ring == 4 && to.ring == 4:
		return "an adapter never imports another adapter: " + target
	case from.ring == 5 && to.ring == 5:
		return judgeWiring(from, to, target)
	case to.ring > from.ring:
		return "imports " + target + " of an outer ring"
	}
	return ""
}

func judgeWiring(from, to place, target string) string {
	switch {
	case to.room == "internal/app" || to.room == "internal/conformance":
		if from.room != to.room {
			return ""
		}
	case to.room == "internal/cli" && from.room == "cmd":
		return ""
	case to.room == "internal/pgserver" && from.room == "internal/conformance":
		return ""
	case from.room == "bench" || from.room == "dev":
		return ""
	}
	return "wiring imports " + target
}

func order(room string) int {
	for i, r := range ruleOrder {
		if r == room {
			return i
		}
	}
	return len(ruleOrder)
}

func judgeForeign(from place, imp string) string {
	third := strings.Contains(strings.SplitN(imp, "/", 2)[0], ".")
	if from.ring <= 1 {
		if third {
			return "rings 0 and 1 use the standard library only, not " + imp
		}
		for _, bad := range impure {
			if imp == bad || strings.HasPrefix(imp, bad+"/") {
				return "rings 0 and 1 are pure and may not import " + imp
			}
		}
	}
	if from.ring == 3 && (imp == "net/http" || imp == "database/sql") {
		return "ring 3 may not import " + imp
	}
	if from.ring == 5 && (from.room == "bench" || from.room == "dev") {
		return ""
	}
	for _, o := range oneRoom {
		if strings.HasPrefix(imp, o.prefix) && from.room != o.room {
			return imp + " belongs in " + o.room
		}
	}
	return ""
}
