package payload

import (
	"fmt"
	"sync/atomic"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// SampleClock gives each request of a run a millisecond of its own, so that every (series, timestamp) is unique.
type SampleClock struct{ last atomic.Int64 }

func (c *SampleClock) next(now time.Time) time.Time {
	for {
		last := c.last.Load()
		milli := max(now.UnixMilli(), last+1)
		if c.last.CompareAndSwap(last, milli) {
			return time.UnixMilli(milli)
		}
	}
}

// Samples is a Batch of gauge points, one for each of its series. The value of a point is its number in the run.
type Samples struct {
	body
	clock  *SampleClock
	points []pointSlots
}

type pointSlots struct{ at, value int }

func NewSamples(run string, batchSamples int, clock *SampleClock) *Samples {
	var m marks
	points := make([]*metricspb.NumberDataPoint, batchSamples)
	for i := range points {
		points[i] = templatePoint(&m, text("series", fmt.Sprintf("s%05d", i)))
	}
	s := &Samples{clock: clock}
	s.bytes = encode(metricsRequest(run, "shop-api", gauge("loadgen.value", "", points...)))
	s.points = locatePoints(&m, s.bytes, points)
	return s
}

func templatePoint(m *marks, attributes ...*commonpb.KeyValue) *metricspb.NumberDataPoint {
	return &metricspb.NumberDataPoint{
		Attributes: attributes, TimeUnixNano: m.uint64(), Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: m.float64()},
	}
}

func gauge(name, unit string, points ...*metricspb.NumberDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Unit: unit, Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: points}}}
}

func metricsRequest(run, service string, metrics ...*metricspb.Metric) *collectorpb.ExportMetricsServiceRequest {
	return &collectorpb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: resource(run, service), ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: scope(), Metrics: metrics}},
	}}}
}

func (s *Samples) Items() int64           { return int64(len(s.points)) }
func (s *Samples) FirstSeq(k int64) int64 { return k * s.Items() }

func (s *Samples) Patch(k int64, now time.Time) {
	at := s.clock.next(now)
	for i, slots := range s.points {
		s.putTime(slots.at, at)
		s.putFloat(slots.value, float64(s.FirstSeq(k)+int64(i)))
	}
}
