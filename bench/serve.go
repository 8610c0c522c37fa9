package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime/pprof"
	"time"

	"stead"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/governed"
	"stead/internal/gateway/rewrite"
	"stead/internal/session"
)

// addresses is what the served gateway says on its first line.
type addresses struct {
	Logged, Unlogged string // with the audit log, and with one that keeps nothing
	Key              string // of the analyst
}

// engineConfig is the same for the gateway and for the engine that is asked directly.
var engineConfig = duck.Config{Conns: 512}

// forgetful is a log that keeps nothing: what the flush of records costs shows by its absence.
type forgetful struct{}

func (forgetful) Append(context.Context, stead.Record) error { return nil }

// serve is the process that is measured. It ends when its standard input does.
func serve(ctx context.Context, o options, out io.Writer) (err error) {
	state, err := os.MkdirTemp(o.dir, "state-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	h, err := openHouse(ctx, state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	at := addresses{}
	if at.Key, err = h.furnish(ctx, folderOf(o)); err != nil {
		return err
	}
	go h.follower.Run(ctx)
	end, err := h.listen(ctx, &at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	stop, err := profile(o.profile)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(at); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, stop())
}

func profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// listen serves the gateway twice over one engine, with and without a log.
func (h *house) listen(ctx context.Context, at *addresses) (end func() error, err error) {
	parser, err := duck.NewParser(ctx, 4)
	if err != nil {
		return nil, err
	}
	catalogue, err := catalog.Open(ctx, catalog.Config{}, parser)
	if err != nil {
		return nil, errors.Join(err, parser.Close())
	}
	engines := governed.NewEngines(engineConfig)
	var servers []*gateway.Server
	end = func() error {
		var errs []error
		now, cancel := context.WithCancel(context.Background())
		cancel()
		for _, s := range servers {
			if err := s.Shutdown(now); !errors.Is(err, context.Canceled) {
				errs = append(errs, err)
			}
		}
		return errors.Join(append(errs, engines.Close(), catalogue.Close(), parser.Close())...)
	}
	rewriter, err := rewrite.New(rewrite.Config{Parser: parser, Key: func(id string) (string, error) {
		s, err := h.keeper.Secret(context.Background(), "hash/"+id)
		return s.Hex(), err
	}, Catalogue: catalog.IsCatalogueName, CatalogueFunction: catalog.IsCatalogueFunction})
	if err != nil {
		return nil, errors.Join(err, end())
	}
	for address, log := range map[*string]session.Recorder{&at.Logged: h.log, &at.Unlogged: forgetful{}} {
		s, err := gateway.New(gateway.Config{SignIn: h.signIn,
			Sessions: &governed.Opener{Sessions: session.New(session.Config{World: h.world, Log: log, Now: time.Now, Live: h.signIn.Live}),
				Engines: engines, Rewriter: rewriter, Catalogue: catalogue},
			Connection: func(string, string) (string, bool) { return "lake", true },
			Log:        slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
		if err != nil {
			return nil, errors.Join(err, end())
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, end())
		}
		servers, *address = append(servers, s), l.Addr().String()
		go func() {
			if err := s.Serve(l); err != nil {
				fmt.Fprintln(os.Stderr, "bench: gateway:", err)
			}
		}()
	}
	return end, nil
}

// served is the other process.
type served struct {
	addresses
	cmd   *exec.Cmd
	stdin io.Closer
}

func startServed(ctx context.Context, o options) (*served, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"-serve", "-dir", o.dir, "-rows", fmt.Sprint(o.rows)}
	if o.profile != "" {
		args = append(args, "-profile", o.profile)
	}
	s := &served{cmd: exec.CommandContext(ctx, program, args...)}
	s.cmd.Stderr = os.Stderr
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the gateway did not start: %w", err), s.stop())
	}
	return s, json.Unmarshal(line, &s.addresses)
}

func (s *served) stop() error { return errors.Join(s.stdin.Close(), s.cmd.Wait()) }
