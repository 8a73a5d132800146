package main

import (
	"flag"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// settings are the flags of VictoriaTraces 0.1 that do something here.
type settings struct {
	listenAddr           string
	storageNodes         listFlag
	insertDisable        bool
	selectDisable        bool
	dataPath             string
	retention            retentionFlag
	futureRetention      retentionFlag
	flushInterval        time.Duration
	minFreeBytes         bytesFlag
	maxUsageBytes        bytesFlag
	maxRequestSize       bytesFlag
	maxQueryDuration     time.Duration
	maxConcurrent        int
	maxQueueDuration     time.Duration
	shutdownDelay        time.Duration
	maxGracefulShutdown  time.Duration
	loggerFormat         string
	forceFlushAuthKey    string
	printVersion         bool
	internalInsertOff    bool
	internalSelectOff    bool
	traceNameLookbehind  time.Duration
	maxServiceNames      int
	memoryAllowed        bytesFlag
	memoryAllowedPercent float64
}

// parseFlags ends with an error on a flag that VictoriaTraces 0.1 would not know either; the caller exits with 2 then.
func parseFlags(args []string, errorHandling flag.ErrorHandling) (*settings, error) {
	s := &settings{
		retention:       retentionFlag{months: true, Duration: 7 * 24 * time.Hour},
		futureRetention: retentionFlag{months: true, Duration: 48 * time.Hour},
		minFreeBytes:    10e6,
		maxRequestSize:  64 << 20,
	}
	f := flag.NewFlagSet("victoria-traces-double", errorHandling)
	f.StringVar(&s.listenAddr, "httpListenAddr", ":10428", "TCP address to listen at")
	f.Var(&s.storageNodes, "storageNode", "Comma-separated storages host:port; makes this an insert and select role without data")
	f.BoolVar(&s.insertDisable, "insert.disable", false, "Refuse /insert/*")
	f.BoolVar(&s.selectDisable, "select.disable", false, "Refuse /select/*")
	f.BoolVar(&s.internalInsertOff, "internalinsert.disable", false, "Refuse /internal/insert")
	f.BoolVar(&s.internalSelectOff, "internalselect.disable", false, "Refuse /internal/select/*")
	f.StringVar(&s.dataPath, "storageDataPath", "victoria-traces-data", "Folder of the data")
	f.Var(&s.retention, "retentionPeriod", "Spans older than this are dropped by whole days; a bare number means months; at least 1d")
	f.Var(&s.futureRetention, "futureRetention", "Spans further in the future than this are dropped")
	f.DurationVar(&s.flushInterval, "inmemoryDataFlushInterval", 5*time.Second, "How long acknowledged spans may stay in memory only")
	f.Var(&s.minFreeBytes, "storage.minFreeDiskSpaceBytes", "Below this much free space nothing is taken")
	f.Var(&s.maxUsageBytes, "retention.maxDiskSpaceUsageBytes", "Above this much data the oldest days are dropped")
	f.Var(&s.maxRequestSize, "opentelemetry.traces.maxRequestSize", "Largest OTLP request")
	f.DurationVar(&s.maxQueryDuration, "search.maxQueryDuration", 30*time.Second, "After this a query is ended")
	f.IntVar(&s.maxConcurrent, "search.maxConcurrentRequests", 4, "Queries carried out at a time")
	f.DurationVar(&s.maxQueueDuration, "search.maxQueueDuration", 10*time.Second, "How long a query waits for its turn")
	f.DurationVar(&s.shutdownDelay, "http.shutdownDelay", 0, "How long /health answers 503 before the stop")
	f.DurationVar(&s.maxGracefulShutdown, "http.maxGracefulShutdownDuration", 7*time.Second, "How long requests in flight may take at the stop")
	f.StringVar(&s.loggerFormat, "loggerFormat", "default", "default or json")
	f.StringVar(&s.forceFlushAuthKey, "forceFlushAuthKey", "", "authKey that /internal/force_flush wants")
	f.BoolVar(&s.printVersion, "version", false, "Show the version")
	acceptWithoutEffect(f, s)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if s.retention.Duration < 24*time.Hour {
		return nil, fmt.Errorf("-retentionPeriod cannot be smaller than a day; got %s", s.retention.Duration)
	}
	return s, nil
}

// acceptWithoutEffect takes the flags that tune caches, logs and connections of the real program. Flags that protect
// something (TLS, passwords) are not among them: pretending would be worse than refusing.
func acceptWithoutEffect(f *flag.FlagSet, s *settings) {
	const usage = "Accepted without effect by this test double"
	f.Var(&s.memoryAllowed, "memory.allowedBytes", usage)
	f.Float64Var(&s.memoryAllowedPercent, "memory.allowedPercent", 60, usage)
	f.DurationVar(&s.traceNameLookbehind, "search.traceServiceAndSpanNameLookbehind", 7*24*time.Hour, usage)
	f.IntVar(&s.maxServiceNames, "search.traceMaxServiceNameList", 1000, usage)
	for _, name := range []string{
		"enableTCP6", "insert.disableCompression", "select.disableCompression", "logNewStreams", "logIngestedRows",
		"http.disableResponseCompression", "http.disableKeepAlive", "http.disableCORS", "loggerDisableTimestamps",
	} {
		f.Bool(name, false, usage)
	}
	for _, name := range []string{"insert.concurrency", "loggerErrorsPerSecondLimit", "loggerWarnsPerSecondLimit", "loggerMaxArgLen"} {
		f.Int(name, 0, usage)
	}
	for _, name := range []string{"http.connTimeout", "http.idleConnTimeout"} {
		f.Duration(name, time.Minute, usage)
	}
	for _, name := range []string{"loggerLevel", "loggerOutput", "loggerTimezone"} {
		f.String(name, "", usage)
	}
}

type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, ",") }
func (l *listFlag) Set(text string) error {
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}

type bytesFlag int64

func (b *bytesFlag) String() string { return strconv.FormatInt(int64(*b), 10) }
func (b *bytesFlag) Set(text string) error {
	number, factor := text, 1.0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB"} {
		if rest, found := strings.CutSuffix(text, unit); found {
			number = rest
			factor = math.Pow([]float64{1024, 1000}[i/4], float64(i%4+1))
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	*b = bytesFlag(value * factor)
	return err
}

// retentionFlag reads a bare number as months of 31 days, as upstream does.
type retentionFlag struct {
	time.Duration
	months bool
}

func (r *retentionFlag) Set(text string) error {
	if number, err := strconv.ParseFloat(text, 64); err == nil && r.months {
		r.Duration = time.Duration(number * 31 * 24 * float64(time.Hour))
		return nil
	}
	duration, err := parseDuration(text)
	r.Duration = duration
	return err
}
