package cli

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stead"
	"stead/internal/audit"
	"stead/internal/keys/file"
)

// offline says which audit folder to verify without a server, and by which keys.
type offline struct {
	dir        string
	publicKeys []string
}

// publicKeys reads "version:hex" texts, as `stead audit public-key` prints them.
func publicKeys(texts []string) (audit.PublicKeys, error) {
	keys := map[int]ed25519.PublicKey{}
	for _, text := range texts {
		number, digits, _ := strings.Cut(text, ":")
		version, err := strconv.Atoi(number)
		key, bad := hex.DecodeString(digits)
		if err != nil || bad != nil || len(key) != ed25519.PublicKeySize {
			return nil, stead.Errorf(stead.Invalid, "%q is not a public key of the audit log", text).
				WithHint("give it as `stead audit public-key` prints it: version:64 hex digits")
		}
		keys[version] = key
	}
	return func(version int) (ed25519.PublicKey, error) {
		if key, ok := keys[version]; ok {
			return key, nil
		}
		return nil, fmt.Errorf("no public key of version %d was given", version)
	}, nil
}

func (o *offline) verify(ctx context.Context, heads []string) (*audit.Report, error) {
	if len(o.publicKeys) == 0 {
		return nil, stead.Errorf(stead.Invalid, "no public key was given").
			WithHint("give --public-key as `stead audit public-key` prints it where the keys are")
	}
	keys, err := publicKeys(o.publicKeys)
	if err != nil {
		return nil, err
	}
	ends := make([]audit.Head, len(heads))
	for i, h := range heads {
		if ends[i], err = audit.ParseHead(h); err != nil {
			return nil, err
		}
	}
	return audit.Verify(ctx, o.dir, keys, ends...)
}

func auditPublicKeyCommand(e *env) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use: "public-key", Short: "Print the public keys that verify the log's checkpoints", Args: cobra.NoArgs,
		Long: `Reads the keys folder below the data folder of a server and prints one line for each
version of the signing key. They are public: keep them where the log is verified.`,
		Example: "  stead audit public-key --data ./stead-data",
	}
	c.Flags().StringVar(&data, "data", "stead-data", "data folder of the server")
	c.RunE = func(c *cobra.Command, _ []string) error {
		lines, err := signingKeys(c.Context(), data)
		if err != nil {
			return err
		}
		if e.output == "json" {
			return e.printJSON(map[string]any{"publicKeys": lines})
		}
		_, err = fmt.Fprintln(e.out, strings.Join(lines, "\n"))
		return err
	}
	return c
}

func signingKeys(ctx context.Context, data string) ([]string, error) {
	folder := filepath.Join(data, "keys")
	if err := mustExist(folder); err != nil {
		return nil, err
	}
	keeper, err := file.Open(folder)
	if err != nil {
		return nil, err
	}
	find := audit.KeysOf(ctx, keeper)
	var lines []string
	for version := 1; ; version++ {
		key, err := find(version)
		if stead.CodeOf(err) == stead.NotFound {
			break
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("%d:%x", version, []byte(key)))
	}
	if len(lines) == 0 {
		return nil, errors.New("the keys folder has no signing key: has a server run on it?")
	}
	return lines, nil
}
