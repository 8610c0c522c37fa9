// Command bench measures what docs/figures.md holds: decisions, the gateway beside the engine it
// stands before, the audit log, and a large installation. Ratios are of one run, whose forms are
// asked in random order; absolute times are the machine's.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what the flags say.
type options struct {
	dir     string
	rows    int64
	rounds  int
	seconds time.Duration
	large   bool
	parts   string
	only    string
	output  string
	serve   bool
	profile string
}

func main() {
	var o options
	short := flag.Bool("short", false, "100,000 rows and few rounds: whether it works, not how fast it is")
	flag.StringVar(&o.dir, "dir", "bench/.data", "folder of the generated data, kept for the next run")
	flag.Int64Var(&o.rows, "rows", 10_000_000, "rows of the table")
	flag.IntVar(&o.rounds, "rounds", 15, "rounds of each comparison; a point look-up is asked ten times a round")
	flag.DurationVar(&o.seconds, "seconds", 3*time.Second, "how long each number of clients asks")
	flag.BoolVar(&o.large, "large", false, "also 100,000 policies, 20,000 data sources and 50,000 users")
	flag.StringVar(&o.parts, "parts", "decide,http,gateway,clients,memory,audit,postgres,tables,effect", "what to measure")
	flag.StringVar(&o.only, "only", "", "of the gateway's statements those whose name begins so")
	flag.StringVar(&o.output, "o", "table", "table or json")
	flag.BoolVar(&o.serve, "serve", false, "be the gateway that is measured (the command starts itself so)")
	flag.StringVar(&o.profile, "profile", "", "write the CPU profile of the gateway, or of the large start, to this file")
	flag.Parse()
	if *short {
		o.rows, o.rounds, o.seconds = 100_000, 3, 300*time.Millisecond
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := measure
	if o.serve {
		run = serve
	}
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure runs the parts that were asked for and prints their figures.
func measure(ctx context.Context, o options, out io.Writer) (err error) {
	if o.output != "table" && o.output != "json" {
		return fmt.Errorf("-o is table or json, not %q", o.output)
	}
	var abs error
	if o.dir, abs = filepath.Abs(o.dir); abs != nil {
		return abs
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	rep := &report{Began: time.Now().UTC(), Machine: machine(), Rows: o.rows}
	var b *benches
	defer func() {
		if b != nil {
			err = errors.Join(err, b.close())
		}
	}()
	for part := range strings.SplitSeq(o.parts, ",") {
		if part == "" {
			continue // -parts "" -large
		}
		if b == nil && (part == "gateway" || part == "clients" || part == "memory") {
			if b, err = openBenches(ctx, o); err != nil {
				return err
			}
		}
		fmt.Fprintln(os.Stderr, "measuring", part)
		switch part {
		case "decide":
			err = decisions(rep, o)
		case "http":
			err = decisionsOverHTTP(ctx, rep, o)
		case "gateway":
			err = b.statements(ctx, rep)
		case "clients":
			err = b.clients(ctx, rep)
		case "memory":
			err = b.memory(ctx, rep)
		case "postgres":
			err = onPostgres(ctx, rep, o)
		case "tables":
			err = tablesOnPostgres(ctx, rep, o)
		case "effect":
			err = effectOnPostgres(ctx, rep, o)
		case "audit":
			err = records(ctx, rep, o)
		default:
			err = fmt.Errorf("there is no part %q", part)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	if o.large {
		fmt.Fprintln(os.Stderr, "measuring a large installation")
		if err := installation(ctx, rep, o); err != nil {
			return fmt.Errorf("large: %w", err)
		}
	}
	rep.Load = append(rep.Load, loadNow())
	if o.output == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(rep)
	}
	return rep.print(out)
}
