package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/govern"
	"stead/internal/store"
	"stead/internal/store/sqlite"
	"stead/policy"
)

// The large installation.
const (
	manyPolicies = 100_000
	manySources  = 20_000
	manyUsers    = 50_000
)

// installation measures the start and single changes of a large installation.
func installation(ctx context.Context, rep *report, o options) (err error) {
	dir := filepath.Join(o.dir, "large")
	if err := install(ctx, dir); err != nil {
		return err
	}
	const part = "100,000 policies, 20,000 data sources, 50,000 users"
	stop, err := profile(o.profile)
	if err != nil {
		return err
	}
	runtime.GC()
	began := time.Now()
	h, err := openHouse(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	start := time.Since(began)
	if err := stop(); err != nil {
		return err
	}
	rep.against(figure{Part: part, What: "start: store opened, world loaded", Value: start.Seconds(), Unit: "s"}, "< 10 s", start < 10*time.Second)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	rep.add(figure{Part: part, What: "memory of the world", Value: float64(m.HeapAlloc) / (1 << 20), Unit: "MiB"})
	for _, c := range smallChanges() {
		var stored, followed []time.Duration
		for round := range 5 {
			edit, err := c.edit(round)
			if err != nil {
				return err
			}
			began := time.Now()
			if _, err := h.govern.Apply(ctx, h.admin, edit); err != nil {
				return fmt.Errorf("%s: %w", c.what, err)
			}
			stored = append(stored, time.Since(began))
			began = time.Now()
			h.follower.Refresh(ctx)
			followed = append(followed, time.Since(began))
			if err := h.follower.Current().Err; err != nil {
				return err
			}
		}
		rep.add(timed(part, "change of "+c.what+": checked and stored", stored))
		rep.add(timed(part, "  in effect in the world", followed))
	}
	return nil
}

type smallChange struct {
	what string
	edit func(round int) (govern.Edit, error)
}

// smallChanges are changes that each touch one thing; the last touches every data source.
func smallChanges() []smallChange {
	policyEdit := func(doc string) (govern.Edit, error) {
		p, err := policy.Decode([]byte(doc))
		return govern.PutPolicy{Policy: p}, err
	}
	return []smallChange{
		{"a user's attribute", func(round int) (govern.Edit, error) {
			return govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "user7",
				Attributes: stead.Attributes{"region": {fmt.Sprint("R", round, time.Now().UnixNano())}}}}, nil
		}},
		{"a table's tags", func(round int) (govern.Edit, error) {
			return govern.PutTags{Object: wideSource(7, manyPolicies/4).Object(), Tags: []stead.Tag{"Topic.T7", stead.Tag(fmt.Sprint("Round.R", round, time.Now().UnixNano()))}}, nil
		}},
		{"a policy on one table", func(round int) (govern.Edit, error) {
			return policyEdit(fmt.Sprintf(`{"policyKey":"p5","name":"Round %d %d",%s,"circumstances":[{"type":"tags","tag":"Topic.T1"}]}`, round, time.Now().UnixNano(), kindsOfPolicy[1]))
		}},
		{"a policy on every table", func(round int) (govern.Edit, error) {
			return policyEdit(fmt.Sprintf(`{"policyKey":"everywhere","name":"Round %d %d",%s,"circumstances":[{"type":"all"}]}`, round, time.Now().UnixNano(), kindsOfPolicy[2]))
		}},
	}
}

// install writes the installation once; it is kept for the next run.
func install(ctx context.Context, dir string) (err error) {
	done := filepath.Join(dir, "installed")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	h, err := openHouse(ctx, dir)
	if err != nil {
		return err
	}
	d, err := installed(manyPolicies, manySources, manyUsers)
	if err == nil {
		err = h.fill(ctx, d)
	}
	if err == nil { // a start meets policies on everything among many others
		var everywhere govern.Edit
		if everywhere, err = smallChanges()[3].edit(0); err == nil {
			err = h.change(ctx, everywhere)
		}
	}
	if err = errors.Join(err, h.close()); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o600)
}

// fill stores everything of a change, without asking anybody.
func (h *house) fill(ctx context.Context, d decide.Delta) error {
	return errors.Join(fill(ctx, h.store, d.Connections, store.Connections, func(c *stead.Connection) string { return c.Key }),
		fill(ctx, h.store, d.Identities, store.Identities, func(i *stead.Identity) string { return store.IdentityKey(i.IAM, i.Name) }),
		fill(ctx, h.store, d.Groups, store.Groups, func(g *stead.Group) string { return store.GroupKey(g.IAM, g.Name) }),
		fill(ctx, h.store, d.Sources, store.DataSources, func(s *stead.DataSource) string { return store.SourceKey(s.Object()) }),
		fill(ctx, h.store, d.Policies, store.Policies, func(p *policy.Policy) string { return p.Key }))
}

// fill puts documents in transactions of a thousand.
func fill[T any](ctx context.Context, s *sqlite.Store, docs []*T, noun store.Noun, key func(*T) string) error {
	for len(docs) > 0 {
		some := docs[:min(1000, len(docs))]
		docs = docs[len(some):]
		if _, err := s.Update(ctx, func(tx store.Tx) error {
			for _, d := range some {
				doc, err := encode(d)
				if err != nil {
					return err
				}
				if _, err := tx.Put(ctx, store.Row{Noun: noun, Key: key(d), Doc: doc}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func encode(doc any) ([]byte, error) {
	if p, ok := doc.(*policy.Policy); ok {
		return store.EncodePolicy(p)
	}
	return json.Marshal(doc)
}
