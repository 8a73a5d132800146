package malformed

import (
	"fmt"
	"strings"
	"time"

	"mirador.local/loadgen/internal/payload"
	"mirador.local/loadgen/internal/target"
)

const (
	metricsPath = "/insert/0/opentelemetry/v1/metrics"
	logsPath    = "/insert/opentelemetry/v1/logs"
	tracesPath  = "/insert/opentelemetry/v1/traces"
)

// endpoint takes requests of one signal.
type endpoint struct {
	address string // a URL, or host:port of gRPC
	grpc    bool
	good    func(run string, k int64) []byte
	// oversizedBytes is over the limit that facts about this kind of server promise.
	oversizedBytes int
}

// parseTarget turns kind:url into its endpoints. A URL with a path is taken as it is.
func parseTarget(text string) ([]endpoint, error) {
	kind, address, _ := strings.Cut(text, ":")
	const collector, victoria = 33 * mebibyte, 65 * mebibyte
	if kind == "grpc" {
		return []endpoint{{address, true, goodSpans, collector}}, target.CheckAuthority(address)
	}
	var endpoints []endpoint
	switch kind {
	case "otlp":
		endpoints = []endpoint{{"/v1/traces", false, goodSpans, collector}, {"/v1/logs", false, goodLogs, collector}, {"/v1/metrics", false, goodSamples, collector}}
	case "vminsert":
		endpoints = []endpoint{{metricsPath, false, goodSamples, victoria}}
	case "vlinsert":
		endpoints = []endpoint{{logsPath, false, goodLogs, victoria}}
	case "vtinsert":
		endpoints = []endpoint{{tracesPath, false, goodSpans, victoria}}
	default:
		return nil, fmt.Errorf("-http %q: the kind is otlp, vminsert, vlinsert, vtinsert or grpc", text)
	}
	base, err := target.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("-http %q: %w", text, err)
	}
	for i := range endpoints {
		if base.Path != "" && kind != "otlp" {
			endpoints[i].address = base.String()
			continue
		}
		endpoints[i].address = base.String() + endpoints[i].address
	}
	return endpoints, nil
}

func goodSpans(run string, k int64) []byte   { return patched(payload.NewSpans(run, 1, 0), k) }
func goodLogs(run string, k int64) []byte    { return patched(payload.NewLogs(run, 1), k) }
func goodSamples(run string, k int64) []byte { return patched(payload.NewSamples(run, 1, &clock), k) }

var clock payload.SampleClock

func patched(batch payload.Batch, k int64) []byte {
	batch.Patch(k, time.Now())
	return batch.Bytes()
}
