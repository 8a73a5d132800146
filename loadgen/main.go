// Command loadgen loads a Mirador node with numbered telemetry, counts what was stored, and feeds it broken requests.
package main

import (
	"fmt"
	"io"
	"os"

	"mirador.local/loadgen/internal/malformed"
	"mirador.local/loadgen/internal/send"
	"mirador.local/loadgen/internal/verify"
)

type command func(args []string, stdout, stderr io.Writer) int

func main() {
	commands := map[string]command{"send": send.Main, "verify": verify.Main, "malformed": malformed.Main}
	if len(os.Args) > 1 {
		if run, ok := commands[os.Args[1]]; ok {
			os.Exit(run(os.Args[2:], os.Stdout, os.Stderr))
		}
	}
	fmt.Fprintln(os.Stderr, "usage: loadgen send|verify|malformed [flags]   (each takes -h)")
	os.Exit(2)
}
