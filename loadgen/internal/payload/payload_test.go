package payload

import (
	"testing"
	"time"

	logscollector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var now = time.UnixMilli(1_795_355_531_123)

func decode[M proto.Message](t *testing.T, batch Batch, k int64, message M) M {
	t.Helper()
	batch.Patch(k, now)
	if err := proto.Unmarshal(batch.Bytes(), message); err != nil {
		t.Fatal(err)
	}
	return message
}

func attribute(attributes []*commonpb.KeyValue, key string) *commonpb.AnyValue {
	for _, a := range attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return nil
}

func TestSpansAreWholeTracesWithKnownNumbersTimesAndErrors(t *testing.T) {
	const traces, requests = 20, 7
	batch := NewSpans("r1", traces, 10)
	if size := len(batch.Bytes()) / (traces * SpansPerTrace); size < 380 || size > 520 {
		t.Errorf("a span has %d bytes", size)
	}
	spanIDs, traceIDs, seqs, errors := map[string]bool{}, map[string]bool{}, map[int64]bool{}, int64(0)
	var counted int64
	for k := range int64(requests) {
		bySeq := map[int64]*tracepb.Span{}
		for _, resourceSpans := range decode(t, batch, k, &tracecollector.ExportTraceServiceRequest{}).ResourceSpans {
			if run := attribute(resourceSpans.Resource.Attributes, "run").GetStringValue(); run != "r1" {
				t.Fatalf("run %q", run)
			}
			for _, span := range resourceSpans.ScopeSpans[0].Spans {
				seq := attribute(span.Attributes, "seq").GetIntValue()
				if seqs[seq] || spanIDs[string(span.SpanId)] {
					t.Fatalf("span %d comes twice", seq)
				}
				seqs[seq], spanIDs[string(span.SpanId)], traceIDs[string(span.TraceId)] = true, true, true
				bySeq[seq] = span
				position := (seq - SeqBase) % SpansPerTrace
				if service := attribute(resourceSpans.Resource.Attributes, "service.name").GetStringValue(); service != shape[position].service {
					t.Fatalf("span %d is in %s", seq, service)
				}
			}
		}
		counted += batch.ErrorTraces(k)
		for i := range batch.Items() {
			seq := batch.FirstSeq(k) + i
			span, position := bySeq[seq], i%SpansPerTrace
			if span == nil {
				t.Fatalf("request %d has no span %d", k, seq)
			}
			checkSpan(t, span, bySeq[seq-1], int(position))
			failed := position == failingSpan && ((seq-SeqBase)/SpansPerTrace+1)%10 == 0
			if failed {
				errors++
			}
			if (span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR) != failed || span.Status.GetCode() == tracepb.Status_STATUS_CODE_OK {
				t.Fatalf("span %d has status %v", seq, span.Status)
			}
			if want := map[bool]int64{true: 500, false: 200}[failed]; position == failingSpan && attribute(span.Attributes, "http.response.status_code").GetIntValue() != want {
				t.Fatalf("span %d has another HTTP status than %d", seq, want)
			}
		}
	}
	if len(spanIDs) != requests*traces*SpansPerTrace || len(traceIDs) != requests*traces || errors != requests*traces/10 || counted != errors {
		t.Errorf("%d spans, %d traces, %d errors, %d counted", len(spanIDs), len(traceIDs), errors, counted)
	}
}

func checkSpan(t *testing.T, span, before *tracepb.Span, position int) {
	t.Helper()
	from := shape[position]
	if span.Name != from.name || span.Kind != from.kind || len(span.Attributes) != 1+len(from.attributes) {
		t.Fatalf("span at %d: %v", position, span)
	}
	if span.StartTimeUnixNano != uint64(now.Add(from.start).UnixNano()) || span.EndTimeUnixNano != uint64(now.Add(from.end).UnixNano()) {
		t.Fatalf("span at %d lasts from %d to %d", position, span.StartTimeUnixNano, span.EndTimeUnixNano)
	}
	if position == 0 {
		if len(span.ParentSpanId) != 0 {
			t.Fatal("the root has a parent")
		}
		return
	}
	if string(span.ParentSpanId) != string(before.SpanId) || string(span.TraceId) != string(before.TraceId) {
		t.Fatalf("span at %d is not a child of the one before", position)
	}
}

func TestSpansWithoutErrors(t *testing.T) {
	if batch := NewSpans("r1", 5, 0); batch.ErrorTraces(3) != 0 {
		t.Error("errors are counted")
	}
}

func TestLogsKeepTheirNumbers(t *testing.T) {
	batch := NewLogs("r1", 30)
	for _, k := range []int64{0, 1, 100_000_000} {
		group := decode(t, batch, k, &logscollector.ExportLogsServiceRequest{}).ResourceLogs[0]
		if attribute(group.Resource.Attributes, "run").GetStringValue() != "r1" {
			t.Fatal("no run")
		}
		for i, record := range group.ScopeLogs[0].LogRecords {
			at := uint64(now.Add(time.Duration(i-30) * time.Microsecond).UnixNano())
			if seq := attribute(record.Attributes, "seq").GetIntValue(); seq != SeqBase+k*30+int64(i) || record.TimeUnixNano != at || record.ObservedTimeUnixNano != at {
				t.Fatalf("record %d of request %d: %v", i, k, record)
			}
			if record.Body.GetStringValue() == "" || (record.SeverityText == "ERROR") != (i%10 == 9) {
				t.Fatalf("record %d: %v", i, record)
			}
		}
	}
}

func TestSamplesAreUniqueInSeriesAndTime(t *testing.T) {
	type sample struct {
		series string
		at     uint64
	}
	var clock SampleClock
	seen := map[sample]bool{}
	// Two senders, all requests in the same millisecond.
	for k, batch := range []*Samples{NewSamples("r1", 50, &clock), NewSamples("r1", 50, &clock)} {
		for _, number := range []int64{int64(k), int64(k) + 2} {
			metric := decode(t, batch, number, &metricscollector.ExportMetricsServiceRequest{}).ResourceMetrics[0].ScopeMetrics[0].Metrics[0]
			for i, point := range metric.GetGauge().DataPoints {
				seen[sample{attribute(point.Attributes, "series").GetStringValue(), point.TimeUnixNano}] = true
				if point.GetAsDouble() != float64(number*50+int64(i)) || point.TimeUnixNano%1e6 != 0 {
					t.Fatalf("point %d of request %d: %v", i, number, point)
				}
			}
		}
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 are unique", len(seen))
	}
}

func TestAnomalyFamilySpikes(t *testing.T) {
	var clock SampleClock
	batch := NewAnomaly("r1", &clock)
	for _, k := range []int64{0, 98, 99, 100} {
		metrics := decode(t, batch, k, &metricscollector.ExportMetricsServiceRequest{}).ResourceMetrics[0].ScopeMetrics[0].Metrics
		cpu, memory := metrics[0].GetGauge().DataPoints[0].GetAsDouble(), metrics[1].GetGauge().DataPoints[0].GetAsDouble()
		if spike := k == 99; (cpu > 0.9) != spike || (memory > 800e6) != spike || cpu < 0.27 || memory < 390e6 {
			t.Errorf("request %d: %g, %g", k, cpu, memory)
		}
		if metrics[0].Name != "system.cpu.utilization" || metrics[1].Name != "process.memory.usage" {
			t.Error("names")
		}
	}
}

func TestDetachedBytesAreLeftAlone(t *testing.T) {
	batch := NewLogs("r1", 2)
	batch.Patch(1, now)
	old := batch.Bytes()
	before := string(old)
	batch.Detach()
	batch.Patch(2, now)
	if string(old) != before || string(batch.Bytes()) == before {
		t.Error("the old bytes changed, or the new ones did not")
	}
}

func TestPatchDoesNotAllocate(t *testing.T) {
	batch := NewSpans("r1", 20, 10)
	if allocations := testing.AllocsPerRun(100, func() { batch.Patch(7, now) }); allocations > 0 {
		t.Errorf("%g allocations", allocations)
	}
}

func BenchmarkPatchSpans100(b *testing.B) {
	batch := NewSpans("r1", 20, 10)
	for k := range int64(b.N) {
		batch.Patch(k, now)
	}
}
