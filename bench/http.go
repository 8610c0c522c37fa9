package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/httpapi"
	"stead/internal/session"
)

// memoryFolder is where a flush costs nothing.
const memoryFolder = "/dev/shm"

// decisionsOverHTTP measures POST /v1/decisions on loopback among 1,000 policies. Each answer is recorded before it is
// given; a second server whose records go to memory shows what the flush costs.
func decisionsOverHTTP(ctx context.Context, rep *report, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "http-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := openHouse(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	d, err := installed(1000, 250, 1000)
	if err == nil {
		err = h.fill(ctx, d)
	}
	if err != nil {
		return err
	}
	key, _, err := h.govern.CreateKey(ctx, h.admin, govern.NewKey{Identity: "user7", Name: "bench"})
	if err != nil {
		return err
	}
	h.follower.Refresh(ctx)
	memory, err := os.MkdirTemp(memoryFolder, "stead-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(memory)) }()
	inMemory, err := audit.Open(ctx, audit.Options{Dir: filepath.Join(memory, "audit"), Writer: "memory", Keeper: h.keeper})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inMemory.Close()) }()
	var forms []*form
	for _, k := range []struct {
		name string
		log  *audit.Log
	}{{"without the flush", inMemory}, {"with the flush of its record", h.log}} {
		handler, err := h.api(ctx, dir, k.log)
		if err != nil {
			return err
		}
		server := httptest.NewServer(handler)
		defer server.Close()
		forms = append(forms, &form{name: k.name, run: func() error { return postDecision(ctx, server.URL, key, d.Sources[7].Object()) }})
	}
	if err := interleave(forms, o.rounds*10, 10); err != nil {
		return err
	}
	const part = "POST /v1/decisions on loopback, 1,000 policies"
	for _, f := range forms {
		fig := timed(part, f.name+": p50", f.took)
		fast := quantile(f.took, 0.99)
		rep.add(fig)
		rep.against(figure{Part: part, What: f.name + ": p99", Value: ms(fast), Unit: "ms"}, "p99 <= 1 ms", fast <= time.Millisecond)
	}
	return nil
}

func (h *house) api(ctx context.Context, dir string, log *audit.Log) (http.Handler, error) {
	return httpapi.New(httpapi.Config{Govern: h.govern, SignIn: h.signIn,
		Sessions: session.New(session.Config{World: h.world, Log: log, Now: time.Now, Live: h.signIn.Live}),
		World:    h.follower.World, WaitFor: h.follower.WaitFor, Current: h.follower.Current,
		Audit: log, AuditDir: dir, AuditKeys: audit.KeysOf(ctx, h.keeper),
		Metrics: http.NotFoundHandler(), Now: time.Now, Version: "bench", Log: slog.New(slog.DiscardHandler)})
}

func postDecision(ctx context.Context, url, key string, o stead.Object) (err error) {
	body, err := json.Marshal(map[string]any{"object": o, "operation": "read"})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/decisions", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(`"allow"`))) {
		err = fmt.Errorf("%s: %.300s", resp.Status, answer)
	}
	return err
}
