package verify

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"

	"mirador.local/loadgen/internal/report"
	"mirador.local/loadgen/internal/target"
)

// Main returns 0 when nothing acknowledged is lost, 1 when something is or could not be asked for, 2 on wrong use.
func Main(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("loadgen verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	run := flags.String("run", "", "`ID` (default: the report's)")
	reportFile := flags.String("report", "", "`FILE` written by send")
	vm := flags.String("vm", "", "VictoriaMetrics: base `URL` of its Prometheus API, as http://127.0.0.1:8481/select/0/prometheus")
	vl := flags.String("vl", "", "VictoriaLogs: select `URL`, as http://127.0.0.1:9471")
	vt := flags.String("vt", "", "VictoriaTraces: select `URL`, as http://127.0.0.1:8483")
	vtNoOffset := flags.Bool("vt-no-offset", false, "ask VictoriaTraces with disable_latency_offset=true")
	vmReduce := flags.Bool("vm-reduce", false, "export with reduce_mem_usage=1: less memory, but copies in several groups count as double")
	wait := flags.Duration("wait", 90*time.Second, "how long everything may take to appear")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	wrong := func(err error) int {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if *reportFile == "" || flags.NArg() > 0 {
		return wrong(errors.New("usage: loadgen verify -report FILE [-run ID] [-vm URL] [-vl URL] [-vt URL]"))
	}
	sent, err := report.Load(*reportFile)
	if err != nil {
		return wrong(err)
	}
	if *run == "" {
		*run = sent.Run
	}
	if err := target.CheckRun(*run); err != nil {
		return wrong(err)
	}

	client := &http.Client{Transport: target.Transport(), CheckRedirect: target.StayOnHost}
	var checks []check
	var problems []error
	add := func(signal, flagName, base string, build func(base string) counter) {
		was, known := sent.Signals[signal]
		if base == "" || !known {
			return
		}
		parsed, err := target.ParseURL(base)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", flagName, err))
			return
		}
		checks = append(checks, check{signal, was.AckedItems, was.Unacked, build(parsed.String())})
	}
	add(report.Spans, "-vt", *vt, func(base string) counter { return newSpanCounter(client, base, *run, *vtNoOffset) })
	add(report.Logs, "-vl", *vl, func(base string) counter { return newLogCounter(client, base, *run) })
	add(report.Samples, "-vm", *vm, func(base string) counter { return &exported{client, base, *run, sent.Started, *vmReduce} })
	if len(checks) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("nothing to verify: no store was given for a signal in the report"))
	}
	if err := errors.Join(problems...); err != nil {
		return wrong(err)
	}

	verdicts := poll(context.Background(), checks, *wait)
	if err := report.Write("", stdout, verdicts); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	for _, verdict := range verdicts {
		if !verdict.complete() {
			return 1
		}
	}
	return 0
}
