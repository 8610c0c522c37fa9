package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stead/internal/audit"
	"stead/internal/httpapi"
)

// httpHandler is the HTTP API over the opened rooms.
func (a *App) httpHandler() (http.Handler, error) {
	return httpapi.New(httpapi.Config{
		Govern: a.Govern, SignIn: a.SignIn, Sessions: a.Sessions,
		World: a.World.World, WaitFor: a.World.WaitFor, Current: a.World.Current,
		Audit: a.Audit, AuditDir: a.Config.auditDir(), AuditKeys: audit.KeysOf(context.Background(), a.Keeper),
		Gateway: a.gatewayAddress,
		Crawler: a, Metrics: promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}),
		Now: time.Now, Version: a.Version, Log: a.Log,
	})
}

// gatewayAddress is where the gateway listens, "" before it does, and its namespace.
func (a *App) gatewayAddress() (address, namespace string) {
	if at := a.gatewayAt.Load(); at != nil {
		address = *at
	}
	return address, a.Config.Gateway.Namespace
}
