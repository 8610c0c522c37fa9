package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func none(string) (string, bool) { return "", false }

func TestLaterSourcesOverrideEarlierOnes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stead.yaml")
	text := "data: /srv/stead\nlog: {level: warn, format: json}\ngateway:\n  connections: 7\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"STEAD_LOG_LEVEL": "error", "STEAD_GATEWAY_STATEMENT_TIMEOUT": "3s"}[name]
		return v, ok
	}
	l, errs := Load(file, env, map[string]string{"data": "/flag"})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if l.Data != "/flag" || l.Log.Level != "error" || l.Log.Format != "json" || l.Gateway.Connections != 7 || l.Gateway.StatementTimeout.Seconds() != 3 {
		t.Errorf("%+v", l.Config)
	}
	for name, want := range map[string]Source{"data": FromFlag, "log.level": FromEnv, "log.format": FromFile, "http.listen": ""} {
		if l.Sources[name] != want {
			t.Errorf("%s comes from %q, not %q", name, l.Sources[name], want)
		}
	}
}

func TestMistakesAreCollectedWithTheirPlaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stead.yaml")
	text := "data: \"\"\nlog:\n  levl: warn\ngateway:\n  connections: many\n  listen: nowhere\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) { return "soon", name == "STEAD_AUDIT_RETAIN" }
	_, errs := Load(file, env, nil)
	all := errors.Join(errs...).Error()
	for _, want := range []string{"stead.yaml:3", `"log.levl"`, "stead.yaml:5", `"many"`, "STEAD_AUDIT_RETAIN", "data: a folder is needed", "gateway.listen"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in:\n%s", want, all)
		}
	}
	if _, errs := Load(filepath.Join(t.TempDir(), "absent.yaml"), none, nil); len(errs) != 1 {
		t.Errorf("a file that is not there: %v", errs)
	}
}

func TestDefaultsAreRightAndOnLoopback(t *testing.T) {
	l, errs := Load("", none, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if !loopback(l.HTTP.Listen) || !loopback(l.Gateway.Listen) {
		t.Errorf("listens on %s and %s", l.HTTP.Listen, l.Gateway.Listen)
	}
	for _, far := range []string{"0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "example.com:1", "nonsense"} {
		if loopback(far) {
			t.Errorf("%s counts as loopback", far)
		}
	}
}

func TestMisspeltVariablesAreFound(t *testing.T) {
	errs := Misspelt([]string{"STEAD_GATEWAY_LISTN=x", "STEAD_GATEWAY_LISTEN=x", "STEAD_LOG_LVL=x", "STEAD_KEY=x", "STEAD_URL=x",
		"STEAD_GATEWAY=x", "STEAD_DEMO_DATA=x", "PATH=x"})
	if all := errors.Join(errs...); len(errs) != 2 || !strings.Contains(all.Error(), "STEAD_GATEWAY_LISTN") || !strings.Contains(all.Error(), "STEAD_LOG_LVL") {
		t.Errorf("%v", errs)
	}
}
