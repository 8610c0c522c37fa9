// Package app wires the rooms together: configuration, stores, engines, transports,
// start and graceful end.
package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"stead/internal/audit"
	"stead/internal/store/postgres"
)

// Config is what an operator sets. One file gives it, environment variables override
// the file, flags override both.
type Config struct {
	Data     string
	Store    string
	Server   string
	Keys     KeysConfig
	HTTP     ListenerConfig
	Gateway  GatewayConfig
	Engine   EngineConfig
	Audit    AuditConfig
	Snapshot SnapshotConfig
	Log      LogConfig
	// NewKeys accepts, for one start, keys that are not the store's; no file or variable sets it.
	NewKeys bool
}

// KeysConfig says where keys are.
type KeysConfig struct{ Dir string }

// ListenerConfig is one address. Anything but loopback gets TLS, with a self-made
// certificate when none is given.
type ListenerConfig struct {
	Listen string
	Cert   string
	Key    string
}

// GatewayConfig bounds the PostgreSQL-wire gateway.
type GatewayConfig struct {
	ListenerConfig
	Namespace        string
	Connections      int
	PerIdentity      int
	StatementTimeout time.Duration
	ResultRows       int64
	ResultBytes      int64
	CopyRows         int64
}

// EngineConfig bounds each connection's DuckDB.
type EngineConfig struct {
	Memory  int64
	Threads int
	TempMax int64
}

// AuditConfig says how records are kept.
type AuditConfig struct {
	Dir            string
	SegmentBytes   int64
	SegmentAge     time.Duration
	Retain         time.Duration
	StatementBytes int
}

// SnapshotConfig says for how long serving goes on without the store.
type SnapshotConfig struct {
	ServeWithoutStore time.Duration
}

// LogConfig is the server's own log, which holds no data and no secrets.
type LogConfig struct {
	Level  string
	Format string
}

// Setting explains one value: its name in the file, the environment variable that
// overrides it, what it does, and how to read and set it.
type Setting struct {
	Name string
	Env  string
	Help string
	Get  func(*Config) string
	Set  func(*Config, string) error
}

// Settings lists every value there is, in the order of the file.
func Settings() []Setting {
	text := func(name, help string, at func(*Config) *string) Setting {
		return Setting{Name: name, Help: help, Get: func(c *Config) string { return *at(c) },
			Set: func(c *Config, v string) error { *at(c) = v; return nil }}
	}
	whole := func(name, help string, at func(*Config) *int64) Setting {
		return Setting{Name: name, Help: help, Get: func(c *Config) string { return strconv.FormatInt(*at(c), 10) },
			Set: func(c *Config, v string) error { return setInt(at(c), v) }}
	}
	small := func(name, help string, at func(*Config) *int) Setting {
		return Setting{Name: name, Help: help, Get: func(c *Config) string { return strconv.Itoa(*at(c)) },
			Set: func(c *Config, v string) error {
				var n int64
				err := setInt(&n, v)
				*at(c) = int(n)
				return err
			}}
	}
	span := func(name, help string, at func(*Config) *time.Duration) Setting {
		return Setting{Name: name, Help: help, Get: func(c *Config) string { return at(c).String() },
			Set: func(c *Config, v string) (err error) { *at(c), err = time.ParseDuration(v); return err }}
	}
	all := []Setting{
		text("data", "the folder of stead's own state: store, keys, audit", func(c *Config) *string { return &c.Data }),
		{Name: "store", Help: "address of a PostgreSQL database for the store, without password; SQLite in the data folder when empty",
			Get: func(c *Config) string { return shownStore(c.Store) },
			Set: func(c *Config, v string) error { c.Store = v; return nil }},
		text("server", "name of this server among those on one store, and of its audit chain", func(c *Config) *string { return &c.Server }),
		text("keys.dir", "folder of the keys, the same for all servers on one store; <data>/keys when empty", func(c *Config) *string { return &c.Keys.Dir }),
		text("http.listen", "address of the HTTP API", func(c *Config) *string { return &c.HTTP.Listen }),
		text("http.cert", "file of the certificate in PEM; self-made when empty and not on loopback", func(c *Config) *string { return &c.HTTP.Cert }),
		text("http.key", "file of the certificate's key in PEM", func(c *Config) *string { return &c.HTTP.Key }),
		text("gateway.listen", "address of the PostgreSQL-wire gateway", func(c *Config) *string { return &c.Gateway.Listen }),
		text("gateway.cert", "as http.cert", func(c *Config) *string { return &c.Gateway.Cert }),
		text("gateway.key", "as http.key", func(c *Config) *string { return &c.Gateway.Key }),
		text("gateway.namespace", "prefix of stead's settings in SQL: SET <namespace>.impersonate.user", func(c *Config) *string { return &c.Gateway.Namespace }),
		small("gateway.connections", "client connections at once", func(c *Config) *int { return &c.Gateway.Connections }),
		small("gateway.connectionsPerIdentity", "client connections of one login at once", func(c *Config) *int { return &c.Gateway.PerIdentity }),
		span("gateway.statementTimeout", "longest time of a statement", func(c *Config) *time.Duration { return &c.Gateway.StatementTimeout }),
		whole("gateway.resultRows", "most rows of an answer; 0 is unbounded", func(c *Config) *int64 { return &c.Gateway.ResultRows }),
		whole("gateway.resultBytes", "most bytes of an answer; 0 is unbounded", func(c *Config) *int64 { return &c.Gateway.ResultBytes }),
		whole("gateway.copyRows", "most rows of a table that a statement with unproved expressions runs over", func(c *Config) *int64 { return &c.Gateway.CopyRows }),
		whole("engine.memoryBytes", "memory of each connection's engine", func(c *Config) *int64 { return &c.Engine.Memory }),
		small("engine.threads", "threads of each connection's engine; 0 is one a core", func(c *Config) *int { return &c.Engine.Threads }),
		whole("engine.tempBytes", "disk each engine may spill to", func(c *Config) *int64 { return &c.Engine.TempMax }),
		text("audit.dir", "folder of the audit segments; <data>/audit when empty", func(c *Config) *string { return &c.Audit.Dir }),
		whole("audit.segmentBytes", "size at which a segment is closed", func(c *Config) *int64 { return &c.Audit.SegmentBytes }),
		span("audit.segmentAge", "age at which a segment is closed", func(c *Config) *time.Duration { return &c.Audit.SegmentAge }),
		span("audit.retain", "how long closed segments are kept; 0s is for ever", func(c *Config) *time.Duration { return &c.Audit.Retain }),
		small("audit.statementBytes", "how much of a statement's text a record keeps", func(c *Config) *int { return &c.Audit.StatementBytes }),
		span("snapshot.serveWithoutStore", "how long queries are answered while the store is away", func(c *Config) *time.Duration { return &c.Snapshot.ServeWithoutStore }),
		text("log.level", "debug, info, warn or error", func(c *Config) *string { return &c.Log.Level }),
		text("log.format", "text or json", func(c *Config) *string { return &c.Log.Format }),
	}
	for i := range all {
		all[i].Env = envName(all[i].Name)
	}
	return all
}

// envName is STEAD_ and the name's words: gateway.copyRows is STEAD_GATEWAY_COPY_ROWS.
func envName(name string) string {
	var b strings.Builder
	b.WriteString("STEAD_")
	for _, r := range name {
		switch {
		case r == '.':
			b.WriteByte('_')
		case r >= 'A' && r <= 'Z':
			b.WriteByte('_')
			b.WriteRune(r)
		default:
			b.WriteString(strings.ToUpper(string(r)))
		}
	}
	return b.String()
}

func setInt(at *int64, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a whole number of 0 or more", v)
	}
	*at = n
	return nil
}

// Defaults are safe for a laptop: loopback only, state in ./stead-data.
func Defaults() Config {
	return Config{
		Data:     "stead-data",
		Server:   "main",
		HTTP:     ListenerConfig{Listen: "127.0.0.1:8475"},
		Gateway:  GatewayConfig{ListenerConfig: ListenerConfig{Listen: "127.0.0.1:5439"}, Namespace: "immuta", Connections: 500, PerIdentity: 100, StatementTimeout: 10 * time.Minute, CopyRows: 50_000_000},
		Engine:   EngineConfig{Memory: 4 << 30, TempMax: 32 << 30},
		Audit:    AuditConfig{SegmentBytes: 64 << 20, SegmentAge: 24 * time.Hour, StatementBytes: 16 << 10},
		Snapshot: SnapshotConfig{ServeWithoutStore: 10 * time.Minute},
		Log:      LogConfig{Level: "info", Format: "text"},
	}
}

// Source says where a value came from.
type Source string

// The sources, each overriding those before it.
const (
	FromDefault Source = "default"
	FromFile    Source = "file"
	FromEnv     Source = "environment"
	FromFlag    Source = "flag"
)

// Loaded is a configuration with the source of each value, by name.
type Loaded struct {
	Config
	Sources map[string]Source
}

// Load reads the file (none when path is empty), the environment and the flags (name to
// text). Every mistake is collected, each with its place.
func Load(path string, getenv func(string) (string, bool), flags map[string]string) (*Loaded, []error) {
	l := &Loaded{Config: Defaults(), Sources: map[string]Source{}}
	var errs []error
	if path != "" {
		errs = append(errs, l.readFile(path)...)
	}
	for _, s := range Settings() {
		if v, ok := getenv(s.Env); ok {
			if err := s.Set(&l.Config, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.Env, err))
			}
			l.Sources[s.Name] = FromEnv
		}
		if v, ok := flags[s.Name]; ok {
			if err := s.Set(&l.Config, v); err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", s.Name, err))
			}
			l.Sources[s.Name] = FromFlag
		}
	}
	return l, append(errs, l.Check()...)
}

// Misspelt finds environment variables that look like settings and are none. environ is a list of NAME=value.
func Misspelt(environ []string) []error {
	known, groups := map[string]bool{}, map[string]bool{}
	for _, s := range Settings() {
		known[s.Env] = true
		group, _, _ := strings.Cut(s.Name, ".")
		groups[envName(group)+"_"] = group != s.Name
	}
	var errs []error
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		for prefix, many := range groups {
			if many && strings.HasPrefix(name, prefix) && !known[name] {
				errs = append(errs, fmt.Errorf("%s: there is no such setting; `stead config check` lists all", name))
			}
		}
	}
	return errs
}

// Check says what is wrong with the values themselves.
func (c *Config) Check() []error {
	var errs []error
	wrong := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf(name+": "+format, args...))
	}
	if c.Data == "" {
		wrong("data", "a folder is needed")
	}
	if c.Store != "" {
		if err := postgres.Check(c.Store); err != nil {
			wrong("store", "%v", err)
		}
	}
	if !audit.IsWriter(c.Server) {
		wrong("server", "%q is not a name of a-z, 0-9 and -", c.Server)
	}
	for name, l := range map[string]ListenerConfig{"http": c.HTTP, "gateway": c.Gateway.ListenerConfig} {
		if _, _, err := net.SplitHostPort(l.Listen); err != nil {
			wrong(name+".listen", "%q is not host:port", l.Listen)
		}
		if (l.Cert == "") != (l.Key == "") {
			wrong(name+".cert", "certificate and key are given together or not at all")
		}
		for _, f := range []string{l.Cert, l.Key} {
			if f == "" {
				continue
			}
			if _, err := os.Stat(f); err != nil {
				wrong(name+".cert", "%v", err)
			}
		}
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		wrong("log.level", "%q is not debug, info, warn or error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		wrong("log.format", "%q is not text or json", c.Log.Format)
	}
	if c.Engine.Memory > 0 && c.Engine.Memory < 64<<20 {
		wrong("engine.memoryBytes", "less than 64 MiB is not enough for DuckDB")
	}
	return errs
}

// auditDir is the folder of the audit segments.
func (c *Config) auditDir() string {
	if c.Audit.Dir != "" {
		return c.Audit.Dir
	}
	return filepath.Join(c.Data, "audit")
}

// keysDir is the folder of the keys.
func (c *Config) keysDir() string {
	if c.Keys.Dir != "" {
		return c.Keys.Dir
	}
	return filepath.Join(c.Data, "keys")
}

// shownStore is an address as it may be printed: one that is refused may hold a password.
func shownStore(address string) string {
	if address != "" && postgres.Check(address) != nil {
		return "(refused, so not shown)"
	}
	return address
}

// loopback reports whether an address is reachable from this machine only.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
