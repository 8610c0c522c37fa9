package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/keys/file"
	"stead/internal/session"
	"stead/internal/signin"
	"stead/internal/snapshot"
	"stead/internal/store/sqlite"
	"stead/policy"
)

// house is stead on its real parts, all state in one folder.
type house struct {
	store    *sqlite.Store
	keeper   *file.Keeper
	log      *audit.Log
	govern   *govern.Service
	follower *snapshot.Follower
	signIn   *signin.Service
	admin    govern.Caller
}

func openHouse(ctx context.Context, dir string) (_ *house, err error) {
	h := &house{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.store, err = sqlite.Open(filepath.Join(dir, "store")); err != nil {
		return nil, err
	}
	if h.keeper, err = file.Open(filepath.Join(dir, "keys")); err != nil {
		return nil, err
	}
	if h.log, err = audit.Open(ctx, audit.Options{Dir: filepath.Join(dir, "audit"), Writer: "bench", Keeper: h.keeper}); err != nil {
		return nil, err
	}
	h.govern = govern.New(h.store, time.Now)
	if _, err = h.govern.Bootstrap(ctx); err != nil {
		return nil, err
	}
	if h.follower, err = snapshot.Start(ctx, h.store, snapshot.Options{}); err != nil {
		return nil, err
	}
	if h.signIn, err = signin.New(ctx, h.store, h.keeper, time.Now); err != nil {
		return nil, err
	}
	w, err := h.follower.World()
	if err != nil {
		return nil, err
	}
	admin, ok := w.IdentityByName(stead.DefaultIAM, govern.FirstAdministrator)
	if !ok {
		return nil, errors.New("there is no first administrator")
	}
	h.admin = govern.Caller{Actor: stead.Actor{Identity: admin.ID, IAM: admin.IAM, Name: admin.Name, Login: admin.Name, Method: "local"}}
	return h, nil
}

func (h *house) close() error {
	var err error
	if h.log != nil {
		err = h.log.Close()
	}
	if h.store != nil {
		err = errors.Join(err, h.store.Close())
	}
	return err
}

// world is the current world as session asks for it.
func (h *house) world() (session.World, error) {
	w, err := h.follower.World()
	if err != nil {
		return nil, err
	}
	return w, nil
}

// change applies edits and lets the world follow.
func (h *house) change(ctx context.Context, edits ...govern.Edit) error {
	if _, err := h.govern.Apply(ctx, h.admin, edits...); err != nil {
		return err
	}
	h.follower.Refresh(ctx)
	return h.follower.Current().Err
}

// furnish registers the tables over data, their policies and the analyst, and returns the analyst's key.
func (h *house) furnish(ctx context.Context, data string) (string, error) {
	edits := []govern.Edit{govern.PutConnection{Connection: stead.Connection{Key: "lake", Platform: stead.Embedded, Address: data}},
		govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: analyst, Attributes: stead.Attributes{"region": {"EU"}}}}}
	for _, g := range governedAs {
		edits = append(edits, govern.PutSource{Source: sourceOf("large", g.table)}, govern.PutSource{Source: sourceOf("small", g.table)})
	}
	for _, doc := range policyDocuments() {
		p, err := policy.Decode([]byte(doc))
		if err != nil {
			return "", err
		}
		edits = append(edits, govern.PutPolicy{Policy: p})
	}
	if err := h.change(ctx, edits...); err != nil {
		return "", err
	}
	key, _, err := h.govern.CreateKey(ctx, h.admin, govern.NewKey{Identity: analyst, Name: "bench"})
	if err != nil {
		return "", err
	}
	h.follower.Refresh(ctx)
	return key, h.follower.Current().Err
}

// analyst asks.
const analyst = "ana@example.com"
