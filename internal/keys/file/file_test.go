package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stead"
	"stead/internal/keys"
)

func openTest(t *testing.T) (*Keeper, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k, dir
}

func secret(t *testing.T, k *Keeper, name string) keys.Secret {
	t.Helper()
	s, err := k.Secret(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecretLastsAndDiffers(t *testing.T) {
	k, dir := openTest(t)
	seen := map[string]string{}
	for _, name := range []string{"hash/source/12", "hash/source/1", "hash/project/Apollo", "hash/project/apollo", "hash/project/ä ../..", "x", ".", ".."} {
		s := secret(t, k, name)
		if s.Version != 1 || s.Bytes == [32]byte{} {
			t.Errorf("%q: version %d", name, s.Version)
		}
		if other, ok := seen[s.Hex()]; ok {
			t.Errorf("%q and %q have the same secret", name, other)
		}
		seen[s.Hex()] = name
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := secret(t, again, name); got != s {
			t.Errorf("%q differs after opening again", name)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
		t.Errorf("something was written outside the folder: %v, %v", entries, err)
	}
}

func TestSecretNamesRefused(t *testing.T) {
	k, _ := openTest(t)
	for _, name := range []string{"", strings.Repeat("x", 1000)} {
		if _, err := k.Secret(t.Context(), name); stead.CodeOf(err) != stead.Invalid {
			t.Errorf("%d characters: %v", len(name), err)
		}
	}
}

func TestRotateKeepsHistory(t *testing.T) {
	k, _ := openTest(t)
	first := secret(t, k, "a")
	second, err := k.Rotate(t.Context(), "a")
	if err != nil || second.Version != 2 || second.Bytes == first.Bytes {
		t.Fatalf("rotated to version %d, %v", second.Version, err)
	}
	if got := secret(t, k, "a"); got != second {
		t.Error("the secret is not the rotated one")
	}
	if got, err := k.Version(t.Context(), "a", 1); err != nil || got != first {
		t.Errorf("the first version: %v", err)
	}
	for name, version := range map[string]int{"a": 3, "never": 1} {
		if _, err := k.Version(t.Context(), name, version); stead.CodeOf(err) != stead.NotFound {
			t.Errorf("version %d of %s: %v", version, name, err)
		}
	}
}

func TestPrivate(t *testing.T) {
	k, dir := openTest(t)
	secret(t, k, "hash/source/1")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadingIsStrict(t *testing.T) {
	hexes := strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"empty": {"", 0o600}, "no newline": {hexes, 0o600}, "short": {hexes[1:] + "\n", 0o600}, "long": {hexes + "ab\n", 0o600},
		"upper case": {strings.ToUpper(hexes) + "\n", 0o600}, "not hex": {"zz" + hexes[2:] + "\n", 0o600},
		"group may read": {hexes + "\n", 0o640}, "others may read": {hexes + "\n", 0o604},
	} {
		k, dir := openTest(t)
		path := filepath.Join(dir, secretsDir, "a")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(filepath.Join(path, "1"), []byte(c.text), 0o600), os.Chmod(filepath.Join(path, "1"), c.mode)); err != nil {
			t.Fatal(err)
		}
		_, err := k.Secret(t.Context(), "a")
		if stead.CodeOf(err) != stead.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "abab") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
	k, dir := openTest(t)
	if err := os.Mkdir(filepath.Join(dir, secretsDir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, secretsDir, "a", "1.bak"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Secret(t.Context(), "a"); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("a foreign file: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("a folder that others may read: %v", err)
	}
}

func TestNeverPrinted(t *testing.T) {
	k, _ := openTest(t)
	s := secret(t, k, "a")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		if out := strings.ToLower(fmt.Sprintf(verb, s)); strings.Contains(out, s.Hex()) || strings.Contains(out, fmt.Sprint(s.Bytes)) {
			t.Errorf("%s prints the secret", verb)
		}
	}
	if out, err := json.Marshal(map[string]any{"key": s}); err != nil || string(out) != `{"key":"[secret]"}` {
		t.Errorf("JSON shows %s, %v", out, err)
	}
}

func TestCredential(t *testing.T) {
	k, dir := openTest(t)
	t.Setenv("STEAD_CREDENTIAL_WAREHOUSE_ETL", "from env")
	if got, err := k.Credential(t.Context(), "warehouse/etl"); err != nil || got != "from env" {
		t.Errorf("from the environment: %q, %v", got, err)
	}
	path := filepath.Join(dir, credentialsDir, "warehouse%2fetl")
	if err := os.WriteFile(path, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Credential(t.Context(), "warehouse/etl"); err != nil || got != "from file" {
		t.Errorf("from the file: %q, %v", got, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Credential(t.Context(), "warehouse/etl"); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("a file that others may read gave %q, %v", got, err)
	}
	if _, err := k.Credential(t.Context(), "../file"); stead.CodeOf(err) != stead.NotFound {
		t.Errorf("unknown: %v", err)
	}
	for name, text := range map[string]string{"empty": "\n", "nul": "a\x00b", "bytes": "\xff"} {
		if err := os.WriteFile(filepath.Join(dir, credentialsDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Credential(t.Context(), name); stead.CodeOf(err) != stead.Unavailable {
			t.Errorf("%s gave %q, %v", name, got, err)
		}
	}
}

// TestProcessesAgree: several processes that need a secret at once all get the same one.
func TestProcessesAgree(t *testing.T) {
	if dir := os.Getenv("STEAD_TEST_KEYS"); dir != "" {
		k, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			fmt.Printf("secret %d %s\n", i, secret(t, k, fmt.Sprint("s/", i)).Hex())
		}
		return
	}
	_, dir := openTest(t)
	var outs [4][]byte
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestProcessesAgree$", "-test.v")
			cmd.Env = append(os.Environ(), "STEAD_TEST_KEYS="+dir)
			var err error
			if outs[i], err = cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, outs[i])
			}
		})
	}
	wg.Wait()
	seen := map[string]string{}
	for _, out := range outs {
		for line := range strings.SplitSeq(string(out), "\n") {
			f := strings.Fields(line)
			if len(f) != 3 || f[0] != "secret" {
				continue
			}
			if old, ok := seen[f[1]]; ok && old != f[2] {
				t.Errorf("secret %s differs between processes", f[1])
			}
			seen[f[1]] = f[2]
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d secrets were made", len(seen))
	}
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var versions sync.Map
	for range 8 {
		wg.Go(func() {
			s, err := k.Rotate(t.Context(), "s/0")
			if _, twice := versions.LoadOrStore(s.Version, true); err != nil || twice {
				t.Errorf("version %d, %v", s.Version, err)
			}
		})
	}
	wg.Wait()
}

func TestCredentialsAreWritten(t *testing.T) {
	k, dir := openTest(t)
	ctx := t.Context()
	t.Setenv("STEAD_CREDENTIAL_PG_ETL", "from env")
	for _, text := range []string{"first", "second 'quoted' ü"} {
		if err := k.SetCredential(ctx, "pg/etl", text); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Credential(ctx, "pg/etl"); err != nil || got != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, credentialsDir))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, bad := range []string{"", "two\nlines", "nul\x00", "\xff", strings.Repeat("x", maxCredential)} {
		if err := k.SetCredential(ctx, "pg/etl", bad); stead.CodeOf(err) != stead.Invalid {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if err := k.SetCredential(ctx, "", "x"); stead.CodeOf(err) != stead.Invalid {
		t.Errorf("no name: %v", err)
	}
	if err := k.DeleteCredential(ctx, "pg/etl"); err != nil {
		t.Error(err)
	}
	if err := k.DeleteCredential(ctx, "pg/etl"); stead.CodeOf(err) != stead.NotFound {
		t.Errorf("deleted twice: %v", err)
	}
	if got, err := k.Credential(ctx, "pg/etl"); err != nil || got != "from env" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.Chmod(filepath.Join(dir, credentialsDir), 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 { // root writes where it likes
		if err := k.SetCredential(ctx, "x", "y"); stead.CodeOf(err) != stead.Unavailable {
			t.Errorf("a folder that cannot be written: %v", err)
		}
	}
}
