package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/keys/file"
	"stead/internal/reconcile"
	"stead/internal/session"
	"stead/internal/signin"
	"stead/internal/snapshot"
	"stead/internal/store"
)

// App is stead as one process. Open it, Serve until told to end, Close.
type App struct {
	Config Config
	Log    *slog.Logger
	// Version is what the program calls itself; set it before Serve.
	Version string

	Store    store.Store
	Audit    *audit.Log
	World    *snapshot.Follower
	Sessions *session.Service
	SignIn   *signin.Service
	Govern   *govern.Service
	Keeper   *file.Keeper
	Push     *reconcile.Service
	// Collected keeps records of what was asked on platforms that tell of it afterwards.
	Collected *reconcile.Collection

	// FirstKey is the first administrator's key when Open made it, to be shown once.
	FirstKey string

	gateway   *gatewayRoom
	gatewayAt atomic.Pointer[string] // where it listens
	metrics   *metrics
	pins      *pins
	instance  string   // id of this installation
	lock      *os.File // of the data folder, where the store has none
	started   time.Time

	background sync.WaitGroup
	stop       context.CancelFunc
}

// Open opens the data folder, recovers what a kill left, loads the world and makes the first
// administrator where there is none. Nothing listens yet. A failure leaves nothing open.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (_ *App, err error) {
	a := &App{Config: cfg, Log: log, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := a.openStore(ctx); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := a.openKeys(ctx); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if a.Audit, err = audit.Open(ctx, audit.Options{Dir: cfg.auditDir(), Writer: cfg.Server, Keeper: a.Keeper,
		StatementLimit: cfg.Audit.StatementBytes, SegmentSize: cfg.Audit.SegmentBytes, SegmentAge: cfg.Audit.SegmentAge,
		Retain: cfg.Audit.Retain}); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a.Govern = govern.New(a.Store, time.Now)
	if a.FirstKey, err = a.Govern.Bootstrap(ctx); err != nil {
		return nil, fmt.Errorf("first administrator: %w", err)
	}
	if a.World, err = snapshot.Start(ctx, a.Store, snapshot.Options{ServeWithoutStore: cfg.Snapshot.ServeWithoutStore}); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	if a.SignIn, err = signin.New(ctx, a.Store, a.Keeper, time.Now); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	a.Sessions = session.New(session.Config{World: a.world, Log: a.Audit, Now: time.Now, Live: a.SignIn.Live})
	a.metrics = newMetrics(a)
	a.openCollection()
	if err := a.openPush(ctx); err != nil {
		return nil, fmt.Errorf("platforms: %w", err)
	}
	if a.gateway, err = openGateway(ctx, a); err != nil {
		return nil, err
	}
	a.runInBackground()
	return a, nil
}

// runInBackground starts what follows the store: the world, and the records of changes.
func (a *App) runInBackground() {
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	shipper := &audit.Shipper{Outbox: a.Store, Log: a.Audit, Failed: func(err error) { a.Log.Error("records of changes wait to be shipped", "cause", err) }}
	for _, run := range []func(context.Context){a.World.Run, shipper.Run, a.watchDrift, a.Push.Run, a.Collected.Run} {
		a.background.Go(func() { run(ctx) })
	}
}

// world is the current world as session asks for it.
func (a *App) world() (session.World, error) {
	w, err := a.World.World()
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Close ends what Open began, in the opposite order. Records that were accepted are on disk.
func (a *App) Close() error {
	var errs []error
	if a.gateway != nil {
		errs = append(errs, a.gateway.close())
	}
	if a.stop != nil {
		a.stop()
	}
	a.background.Wait()
	if a.Audit != nil {
		errs = append(errs, a.Audit.Close())
	}
	if a.Store != nil {
		errs = append(errs, a.Store.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(errs...)
}
