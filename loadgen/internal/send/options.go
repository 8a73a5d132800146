// Package send offers telemetry at a fixed rate and records what was acknowledged.
package send

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"mirador.local/loadgen/internal/payload"
	"mirador.local/loadgen/internal/target"
)

const (
	maxDuration = 15 * time.Minute
	maxSenders  = 64
	// One request and one millisecond belong together (payload.SampleClock); faster, timestamps would run ahead of the clock.
	maxSampleRequestsPerSecond = 900
	// verify asks an hour around the run.
	maxSkew = 30 * time.Minute
)

type options struct {
	grpcAuthority, httpBase, run        string
	tracesRate, logsRate, samplesRate   float64
	anomaly                             bool
	protocols                           string
	batchSpans, batchLogs, batchSamples int
	errorEvery                          int64
	duration                            time.Duration
	count                               int64
	senders                             int
	timeout, retryFor, skew             time.Duration
	retries, noRetry                    bool
	tlsCA, report                       string
	progress                            bool
	tls                                 *tls.Config
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("loadgen send", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.grpcAuthority, "grpc", "", "OTLP gRPC `host:port`")
	flags.StringVar(&o.httpBase, "http", "", "OTLP HTTP base `URL`")
	flags.StringVar(&o.run, "run", "", "`ID` of this run, the resource attribute run; never use one twice (default: from the clock)")
	flags.Float64Var(&o.tracesRate, "traces-rate", 0, "spans per second, 0 = off")
	flags.Float64Var(&o.logsRate, "logs-rate", 0, "log records per second, 0 = off")
	flags.Float64Var(&o.samplesRate, "samples-rate", 0, "metric samples per second, 0 = off")
	flags.BoolVar(&o.anomaly, "anomaly", false, "also 10 points per second for the anomaly detector, each hundredth a spike")
	flags.StringVar(&o.protocols, "protocols", "", "grpc, http or mixed (default: by the targets given)")
	flags.IntVar(&o.batchSpans, "batch-spans", 100, "spans per request, a multiple of 5")
	flags.IntVar(&o.batchLogs, "batch-logs", 100, "log records per request")
	flags.IntVar(&o.batchSamples, "batch-samples", 500, "samples (= series) per request")
	flags.Int64Var(&o.errorEvery, "error-every", 10, "every `N`th trace has a failed shop-api server span, 0 = none")
	flags.DurationVar(&o.duration, "duration", 20*time.Second, "how long to offer requests; retries may go on after it")
	flags.Int64Var(&o.count, "count", 0, "offer `N` requests per signal instead of -duration")
	flags.IntVar(&o.senders, "senders", 4, "parallel senders per signal, each with connections of its own")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Second, "of one try")
	flags.BoolVar(&o.retries, "retries", true, "retry what an OTLP SDK retries")
	flags.BoolVar(&o.noRetry, "no-retry", false, "same as -retries=false")
	flags.DurationVar(&o.skew, "skew", 0, "how far the clock of the sender is ahead; negative: behind")
	flags.DurationVar(&o.retryFor, "retry-for", time.Minute, "give a request up after this time")
	flags.StringVar(&o.tlsCA, "tls-ca", "", "PEM `FILE` of the CA; gRPC then uses TLS, HTTP where the URL says https")
	flags.StringVar(&o.report, "report", "", "JSON `FILE` (default: standard output)")
	flags.BoolVar(&o.progress, "progress", false, "a line each second on standard error")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.setDefaults()
	return o, errors.Join(o.checkTargets(), o.checkLoad(), o.loadCA())
}

func (o *options) setDefaults() {
	if o.run == "" {
		o.run = "run-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	if o.protocols == "" {
		switch {
		case o.grpcAuthority != "" && o.httpBase != "":
			o.protocols = "mixed"
		case o.httpBase != "":
			o.protocols = "http"
		default:
			o.protocols = "grpc"
		}
	}
	if o.noRetry {
		o.retries = false
	}
}

func (o *options) uses(protocol string) bool {
	return o.protocols == protocol || o.protocols == "mixed"
}

func (o *options) checkTargets() error {
	var problems []error
	if !slices.Contains([]string{"grpc", "http", "mixed"}, o.protocols) {
		problems = append(problems, fmt.Errorf("-protocols %q is not grpc, http or mixed", o.protocols))
	}
	if o.uses("grpc") {
		problems = append(problems, inFlag("-grpc", target.CheckAuthority(o.grpcAuthority)))
	}
	if o.uses("http") {
		_, err := target.ParseURL(o.httpBase)
		problems = append(problems, inFlag("-http", err))
	}
	return errors.Join(append(problems, inFlag("-run", target.CheckRun(o.run)))...)
}

func inFlag(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (o *options) checkLoad() error {
	var problems []error
	demand := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	demand(o.tracesRate >= 0 && o.logsRate >= 0 && o.samplesRate >= 0, "rates are not negative")
	demand(o.tracesRate > 0 || o.logsRate > 0 || o.samplesRate > 0 || o.anomaly, "nothing to send: give -traces-rate, -logs-rate, -samples-rate or -anomaly")
	demand(o.batchSpans > 0 && o.batchSpans%payload.SpansPerTrace == 0, "-batch-spans %d is not a multiple of %d", o.batchSpans, payload.SpansPerTrace)
	demand(o.batchLogs > 0 && o.batchSamples > 0, "batches hold at least one item")
	demand(max(o.batchSpans, o.batchLogs, o.batchSamples) <= 20_000, "batches hold at most 20000 items")
	demand(o.senders > 0 && o.senders <= maxSenders, "-senders is 1 to %d", maxSenders)
	demand(o.errorEvery >= 0 && o.count >= 0, "-error-every and -count are not negative")
	demand(o.timeout > 0 && o.retryFor >= 0 && max(o.timeout, o.retryFor) <= maxDuration, "-timeout and -retry-for are at most %s", maxDuration)
	demand(o.skew.Abs() <= maxSkew, "-skew is at most %s either way", maxSkew)
	demand(o.samplesRate <= float64(maxSampleRequestsPerSecond*o.batchSamples), "-samples-rate needs more than %d requests/s: raise -batch-samples", maxSampleRequestsPerSecond)
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	for _, load := range o.loads() {
		length := o.duration
		if o.count > 0 {
			length = time.Duration(float64(o.count) * float64(load.batch) / load.rate * float64(time.Second))
		}
		demand(length > 0 && length <= maxDuration, "%s: %s is not within 0 and %s", load.signal.name, length, maxDuration)
		demand(load.rate*maxDuration.Seconds() < payload.MaxItems, "%s: rate %g is too high", load.signal.name, load.rate)
	}
	return errors.Join(problems...)
}

func (o *options) loadCA() error {
	if o.tlsCA == "" {
		return nil
	}
	pem, err := os.ReadFile(o.tlsCA)
	if err != nil {
		return err
	}
	o.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	if !o.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("-tls-ca %s holds no certificate", o.tlsCA)
	}
	return nil
}
