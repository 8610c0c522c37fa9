package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stead"
	"stead/internal/audit"
	"stead/internal/httpapi"
)

// httpHandler is the HTTP API over the opened rooms.
func (a *App) httpHandler() (http.Handler, error) {
	return httpapi.New(httpapi.Config{
		Govern: a.Govern, SignIn: a.SignIn, Sessions: a.Sessions,
		World: a.World.World, WaitFor: a.World.WaitFor, Current: a.World.Current,
		Audit: a.Audit, AuditDir: a.Config.auditDir(), AuditKeys: audit.KeysOf(context.Background(), a.Keeper),
		Gateway: a.gatewayAddress, Unreachable: unreachable,
		Crawler: a, Platforms: a.Push, Credentials: a.Keeper, Metrics: promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}),
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

// unreachable looks whether the data of an embedded connection is where the connection says.
func unreachable(c *stead.Connection) string {
	if c.Platform != stead.Embedded || c.Disabled {
		return ""
	}
	if _, err := os.Stat(c.Address); err != nil {
		return fmt.Sprintf("there is nothing that can be read at %s", c.Address)
	}
	return ""
}
