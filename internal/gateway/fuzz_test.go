package gateway

import (
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzLexer checks that tokens cover the text in order and that splitting loses nothing.
func FuzzLexer(f *testing.F) {
	for _, s := range []string{"select 1; select ';'", "E'\\''; $a$;$a$ /* /* */ ; */ -- ;\n x", "\"a\"\"b\" $1 1e-5", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		l := lexer{src: src}
		at := 0
		for {
			tok := l.next()
			if tok.from < at || tok.to < tok.from || tok.to > len(src) {
				t.Fatalf("token %+v after %d", tok, at)
			}
			if tok.kind == endToken || tok.kind == badToken {
				break
			}
			if tok.to == tok.from {
				t.Fatal("an empty token")
			}
			at = tok.to
		}
		parts, err := splitStatements(src)
		if err == nil && len(strings.Join(parts, "")) > len(src) {
			t.Fatal("splitting adds text")
		}
		for _, p := range parts {
			_, _ = parseCommand(p)
		}
	})
}

// FuzzStartUp feeds start-up options.
func FuzzStartUp(f *testing.F) {
	f.Add("-c immuta.impersonate.user=x --a-b=c -cd=e")
	f.Add(`-c a=b\ c\\`)
	f.Fuzz(func(t *testing.T, s string) {
		opts, err := startOptions(map[string]string{"options": s})
		if err == nil && strings.TrimSpace(s) != "" && len(opts) == 0 && strings.Trim(s, " \t\r\n") != "" {
			t.Fatalf("%q gives nothing", s)
		}
	})
}

// FuzzSCRAM checks that no client message is taken that was not made for this exchange.
func FuzzSCRAM(f *testing.F) {
	f.Add("n,,n=,r=abc", "c=biws,r=abcX,p=AAAA")
	f.Add("p=tls-server-end-point,,n=,r=abc", "")
	f.Fuzz(func(t *testing.T, first, final string) {
		e := exchange{}
		if e.clientFirst(scramPlain, []byte(first)) != nil {
			return
		}
		if !strings.HasPrefix(first, "n,,") && !strings.HasPrefix(first, "y,,") {
			t.Fatalf("took %q", first)
		}
		if _, err := e.serverFirst([]byte("salt"), 4096); err != nil {
			t.Fatal(err)
		}
		if _, err := e.clientFinal([]byte(final)); err == nil {
			t.Fatal("a final message without the server's nonce was taken")
		}
		good := "c=" + base64.StdEncoding.EncodeToString([]byte(e.header)) + ",r=" + e.nonce
		if _, err := e.clientFinal([]byte(good + ",p=" + base64.StdEncoding.EncodeToString(make([]byte, 32)))); err != nil {
			t.Fatal("a well-formed final message is refused:", err)
		}
	})
}
