package malformed

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"mirador.local/loadgen/internal/report"
	"mirador.local/loadgen/internal/target"
)

// Result of one case. Status is the HTTP status, or the number of the gRPC code with its name beside it.
type Result struct {
	Target    string `json:"target"`
	Case      string `json:"case"`
	Status    int    `json:"status"`
	GRPC      string `json:"grpc,omitempty"`
	OK4xx     bool   `json:"ok4xx"`
	GoodAfter bool   `json:"goodAfter"`
	Error     string `json:"error,omitempty"`
	GoodError string `json:"goodError,omitempty"`
}

type probe interface {
	faults() []fault
	bad(f fault, body []byte) Result
	good(body []byte) error
}

type statusError int

func (s statusError) Error() string { return "status " + strconv.Itoa(int(s)) }

// Main returns 0 whatever the servers answered: the list tells. 2 is wrong use.
func Main(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("loadgen malformed", flag.ContinueOnError)
	flags.SetOutput(stderr)
	run := flags.String("run", "malformed-"+strconv.FormatInt(time.Now().UnixNano(), 36), "`ID` of the good requests in between")
	oversizedMiB := flags.Int("oversized-mib", 0, "size of the oversized requests, at most 128 (default: 33 for otlp and grpc, 65 for the others)")
	var endpoints []endpoint
	flags.Func("http", "`KIND:URL`, repeated; KIND is otlp, vminsert, vlinsert, vtinsert (with a URL) or grpc (with host:port)", func(text string) error {
		parsed, err := parseTarget(text)
		endpoints = append(endpoints, parsed...)
		return err
	})
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if len(endpoints) == 0 || flags.NArg() > 0 || *oversizedMiB < 0 || *oversizedMiB > 128 {
		fmt.Fprintln(stderr, "usage: loadgen malformed -http KIND:URL [-http ...] [-run ID] [-oversized-mib 1..128]")
		return 2
	}
	if err := target.CheckRun(*run); err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	results := []Result{}
	for _, e := range endpoints {
		if *oversizedMiB > 0 {
			e.oversizedBytes = *oversizedMiB * mebibyte
		}
		p, err := newProbe(e)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
		results = append(results, examine(p, e, *run, int64(len(results)))...)
	}
	if err := report.Write("", stdout, results); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func newProbe(e endpoint) (probe, error) {
	if e.grpc {
		return newGRPCProbe(e)
	}
	return newHTTPProbe(e), nil
}

// examine numbers the good requests from firstNumber, so that their items are distinct in the whole run.
func examine(p probe, e endpoint, run string, firstNumber int64) []Result {
	var results []Result
	for i, f := range p.faults() {
		number := firstNumber + int64(i)
		result := p.bad(f, f.body(e.good(run+"-bad", number), e.oversizedBytes))
		result.Target, result.Case = e.address, f.name
		err := p.good(e.good(run, number))
		result.GoodAfter = err == nil
		if err != nil {
			result.GoodError = err.Error()
		}
		results = append(results, result)
	}
	return results
}
