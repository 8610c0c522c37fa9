// Command demo starts stead on sample data and asks the same questions as seven askers over
// the PostgreSQL wire. It ends with an error when an answer is not what the policies promise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	binary := flag.String("stead", "bin/stead", "the program to demonstrate")
	once := flag.Bool("once", false, "end after printing")
	data := flag.String("data", "", "only write the sample data below this folder, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *binary, *data, *once, os.Stdout)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, dataOnly string, once bool, out io.Writer) (err error) {
	staff := makeEmployees()
	if dataOnly != "" {
		return writeData(dataOnly, staff)
	}
	dir, err := os.MkdirTemp("", "stead-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data := filepath.Join(dir, "data")
	if err := writeData(data, staff); err != nil {
		return err
	}
	s, err := start(ctx, binary, dir, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	fmt.Fprintf(out, "stead serves at %s (HTTP API) and %s (PostgreSQL wire); the sample has %d employees.\n", s.http, s.gateway, len(staff))
	d := &demo{server: s, staff: staff, out: out}
	if err := d.show(ctx); err != nil {
		return err
	}
	if once {
		return d.conclude()
	}
	d.invite()
	if err := d.conclude(); err != nil {
		return err
	}
	fmt.Fprintln(out, "Ctrl-C ends it.")
	<-ctx.Done()
	return nil
}
