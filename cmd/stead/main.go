// Command stead serves, governs and asks: `stead --help`.
package main

import (
	"os"

	"stead/internal/cli"
)

func main() {
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
