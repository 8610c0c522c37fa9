# stead: build, demonstrate, test. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
TOOLS := $(CURDIR)/.tools
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO_LDFLAGS := -s -w -X stead/internal/cli.Version=$(VERSION)
ALL_ENGINES := interpreter,gateway,postgres
ENGINES ?= $(ALL_ENGINES)

.PHONY: help build demo test unit lint tools postgres conformance test-leak attacks-postgres test-clients test-kill fuzz bench docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## build bin/stead
	go build -ldflags '$(GO_LDFLAGS)' -o bin/stead ./cmd/stead

demo: build ## start a demonstration with sample data and seven askers (ONCE=1: print and end)
	go run ./dev/demo -stead bin/stead $(if $(ONCE),-once)

test: lint unit conformance test-clients demo-once ## everything that must hold; installs what it needs

unit: postgres ## the Go tests of every package
	go test -count=1 -timeout 20m ./...

demo-once: build
	go run ./dev/demo -stead bin/stead -once

lint: tools ## gofmt, vet, staticcheck, errcheck, sum types
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt -w these:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go mod tidy -diff
	go vet ./...
	$(TOOLS)/staticcheck ./...
	$(TOOLS)/errcheck -exclude dev/tools/errcheck.txt -ignoretests ./...
	$(TOOLS)/go-check-sumtype -default-signifies-exhaustive=true ./...

tools: $(TOOLS)/installed

$(TOOLS)/installed: dev/tools/go.mod dev/tools/go.sum
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go -C dev/tools install tool
	touch $@

postgres: ## install the PostgreSQL server and PgBouncer that the tests start, where they are missing
	@dev/engines/postgres

conformance: build postgres ## the corpus on every engine named by ENGINES=interpreter,gateway,postgres; all of them write docs/conformance.md
	bin/stead conformance --engines $(ENGINES) $(if $(filter $(ALL_ENGINES),$(ENGINES)),--doc docs/conformance.md)

attacks-postgres: postgres ## play the attacks on governed PostgreSQL and write docs/security/attacks-postgres.md
	go test -count=1 ./internal/push/postgres -run AttackTable -args -update

test-clients: build ## psql, JDBC, psycopg, SQLAlchemy, node-postgres, dbt against a running server
	dev/clients/run

test-leak: ## the long leak suite: every function and cast on 300,000 rows; run before a DuckDB upgrade
	go test -count=1 -timeout 80m -tags leak -run 'Leak|Throw|Canary' ./internal/gateway/...

test-kill: ## kill the server at random points, in a loop, and look for what was lost
	go test -timeout 30m -tags kill -run Kill ./internal/...

fuzz: ## every fuzz target for FUZZTIME (default 20s) each
	dev/fuzz $(or $(FUZZTIME),20s)

bench: build postgres ## the figures of docs/figures.md, as ratios in one run
	go run ./bench

clean: ## remove what the targets above made
	rm -rf bin dist $(TOOLS)
