package send

import (
	"mirador.local/loadgen/internal/payload"
	"mirador.local/loadgen/internal/report"
)

const anomalyPointsPerSecond = 10

type signal struct{ name, grpcMethod, httpPath string }

var (
	spans   = signal{report.Spans, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "/v1/traces"}
	logs    = signal{report.Logs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "/v1/logs"}
	samples = signal{report.Samples, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "/v1/metrics"}
	anomaly = signal{report.Anomaly, samples.grpcMethod, samples.httpPath}
)

// load is one signal at one rate.
type load struct {
	signal signal
	rate   float64 // items per second
	batch  int
	encode func() payload.Batch // one for each sender
}

func (o *options) loads() []load {
	var clock, anomalyClock payload.SampleClock
	all := []load{
		{spans, o.tracesRate, o.batchSpans, func() payload.Batch {
			return payload.NewSpans(o.run, o.batchSpans/payload.SpansPerTrace, o.errorEvery)
		}},
		{logs, o.logsRate, o.batchLogs, func() payload.Batch { return payload.NewLogs(o.run, o.batchLogs) }},
		{samples, o.samplesRate, o.batchSamples, func() payload.Batch { return payload.NewSamples(o.run, o.batchSamples, &clock) }},
	}
	if o.anomaly {
		all = append(all, load{anomaly, 2 * anomalyPointsPerSecond, 2, func() payload.Batch { return payload.NewAnomaly(o.run, &anomalyClock) }})
	}
	var active []load
	for _, l := range all {
		if l.rate > 0 {
			active = append(active, l)
		}
	}
	return active
}
