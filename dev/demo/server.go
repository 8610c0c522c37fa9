package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// server is a running stead.
type server struct {
	cmd           *exec.Cmd
	binary        string
	http, gateway string
	key           string // the first administrator's
	data          string
}

// start serves on free loopback ports with all state below dir.
func start(ctx context.Context, binary, dir, data string) (*server, error) {
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve", "--data", filepath.Join(dir, "state"),
		"--http-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "-o", "json")
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, binary: binary, data: data}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("stead did not start: %w\n%s", err, text)
	}
	var at struct {
		HTTP, Gateway, FirstKey string
	}
	if err := json.Unmarshal([]byte(line), &at); err != nil {
		return nil, err
	}
	s.http, s.gateway, s.key = at.HTTP, at.Gateway, at.FirstKey
	return s, ctx.Err()
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// stead runs a command against the server as the first administrator, unless key says otherwise.
func (s *server) stead(ctx context.Context, key string, args ...string) ([]byte, error) {
	if key == "" {
		key = s.key
	}
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), "STEAD_URL="+s.http, "STEAD_KEY="+key, "STEAD_DEMO_DATA="+s.data,
		"STEAD_GATEWAY="+s.gateway)
	var errText strings.Builder
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("stead %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errText.String()))
	}
	return out, nil
}

// newKey makes an API key for an identity.
func (s *server) newKey(ctx context.Context, identity string) (string, error) {
	out, err := s.stead(ctx, "", "key", "create", "--for", identity, "--name", "demo", "-o", "json")
	if err != nil {
		return "", err
	}
	var made struct{ Secret string }
	if err := json.Unmarshal(out, &made); err != nil {
		return "", fmt.Errorf("key create: %w", err)
	}
	return made.Secret, nil
}
