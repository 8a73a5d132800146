package send

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"mirador.local/loadgen/internal/report"
	"mirador.local/loadgen/internal/sinktest"
)

func runSend(t *testing.T, s *sinktest.Sink, flags string) *report.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.json")
	args := append([]string{"-grpc", s.GRPC, "-http", s.HTTP, "-run", "r1", "-report", file}, strings.Fields(flags)...)
	if code := Main(args, io.Discard, os.Stderr); code != 0 {
		t.Fatalf("exit %d", code)
	}
	result, err := report.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// received returns the numbers of all items that the sink kept, and how often each came.
func received(s *sinktest.Sink) (spans, logs, samples map[int64]int, spanIDs map[string]bool) {
	spans, logs, samples, spanIDs = map[int64]int{}, map[int64]int{}, map[int64]int{}, map[string]bool{}
	for _, request := range s.Traces {
		for _, group := range request.ResourceSpans {
			for _, span := range group.ScopeSpans[0].Spans {
				spans[seq(span.Attributes)]++
				spanIDs[string(span.SpanId)] = true
			}
		}
	}
	for _, request := range s.Logs {
		for _, record := range request.ResourceLogs[0].ScopeLogs[0].LogRecords {
			logs[seq(record.Attributes)]++
		}
	}
	for _, request := range s.Metrics {
		if metric := request.ResourceMetrics[0].ScopeMetrics[0].Metrics[0]; metric.Name == "loadgen.value" {
			for _, point := range metric.GetGauge().DataPoints {
				samples[int64(point.GetAsDouble())]++
			}
		}
	}
	return spans, logs, samples, spanIDs
}

func seq(attributes []*commonpb.KeyValue) int64 { return attributes[0].Value.GetIntValue() }

func TestEverythingAcknowledgedWasReceivedOnce(t *testing.T) {
	s := sinktest.Start(t)
	result := runSend(t, s, "-traces-rate 20000 -logs-rate 20000 -samples-rate 100000 -anomaly -count 40 -protocols mixed")
	spans, logs, samples, spanIDs := received(s)
	if len(spans) != 4000 || len(spanIDs) != 4000 || len(logs) != 4000 || len(samples) != 20000 {
		t.Errorf("unique: %d spans, %d ids, %d logs, %d samples", len(spans), len(spanIDs), len(logs), len(samples))
	}
	for name, want := range map[string]int64{report.Spans: 4000, report.Samples: 20000, report.Anomaly: 80} {
		if got := result.Signals[name]; got.AckedItems != want || got.SentItems != want || got.FailedRequests != 0 || got.Retries != 0 {
			t.Errorf("%s: %+v", name, got.Stats)
		}
	}
	// The sink's gRPC side rejects one record of each request.
	if got := result.Signals[report.Logs]; got.AckedItems != 3980 || got.RejectedItems != 20 || got.AckedRequests != 40 {
		t.Errorf("logs: %+v", got.Stats)
	}
	got := result.Signals[report.Spans]
	if got.ByProtocol["grpc"].AckedRequests != 20 || got.ByProtocol["http"].AckedRequests != 20 {
		t.Error("requests do not alternate")
	}
	if got.Traces.Acked != 800 || got.Traces.Error != 80 || got.LatencyMs.Max <= 0 || got.LongestGapMs <= 0 || got.FirstAck == nil {
		t.Errorf("spans: %+v, %+v", got.Stats, got.Traces)
	}
}

func TestASkewedClockMovesEveryTimestamp(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 2 * time.Minute} {
		s := sinktest.Start(t)
		runSend(t, s, "-traces-rate 1000 -logs-rate 1000 -samples-rate 1000 -batch-samples 10 -count 2 -skew "+skew.String())
		now := uint64(time.Now().Add(skew).UnixNano())
		var stamps []uint64
		for _, request := range s.Traces {
			span := request.ResourceSpans[0].ScopeSpans[0].Spans[0]
			stamps = append(stamps, span.StartTimeUnixNano, span.EndTimeUnixNano)
		}
		for _, request := range s.Logs {
			record := request.ResourceLogs[0].ScopeLogs[0].LogRecords[0]
			stamps = append(stamps, record.TimeUnixNano, record.ObservedTimeUnixNano)
		}
		for _, request := range s.Metrics {
			stamps = append(stamps, request.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].TimeUnixNano)
		}
		if len(stamps) != 10 {
			t.Errorf("%d timestamps", len(stamps))
		}
		for _, stamp := range stamps {
			if off := time.Duration(int64(stamp - now)).Abs(); off > time.Minute {
				t.Errorf("skew %s: a timestamp is %s away", skew, off)
			}
		}
	}
}

func TestRefusedRequestsAreRetriedAsAnSDKDoes(t *testing.T) {
	s := sinktest.Start(t)
	s.RefuseGRPC = func(request int) error {
		switch request {
		case 0:
			return status.Error(codes.Unavailable, "later")
		case 1:
			return exhausted(700 * time.Millisecond)
		default:
			return nil
		}
	}
	s.RefuseHTTP = func(request int, w http.ResponseWriter) bool {
		if request == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return request == 0
	}
	result := runSend(t, s, "-logs-rate 1000 -count 2 -senders 1 -protocols mixed")
	got := result.Signals[report.Logs]
	if got.AckedRequests != 2 || got.Retries != 3 || got.Refused["grpc:Unavailable"] != 1 || got.Refused["grpc:ResourceExhausted"] != 1 || got.Refused["http:503"] != 1 {
		t.Errorf("%+v", got.Stats)
	}
	if got.ByProtocol["http"].LatencyMs.Max < 1000 {
		t.Error("Retry-After was not heeded")
	}
}

// exhausted carries google.rpc.RetryInfo: field 1 is the delay.
func exhausted(delay time.Duration) error {
	encoded, err := proto.Marshal(durationpb.New(delay))
	if err != nil {
		return err
	}
	info := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), encoded)
	refusal := status.New(codes.ResourceExhausted, "later").Proto()
	refusal.Details = []*anypb.Any{{TypeUrl: "type.googleapis.com/google.rpc.RetryInfo", Value: info}}
	return status.ErrorProto(refusal)
}

func TestRequestsThatFailAreNamed(t *testing.T) {
	for flags, want := range map[string]string{"-no-retry": "grpc:Unavailable", "-retry-for 60s": "grpc:ResourceExhausted", "-retry-for 100ms": "grpc:Unavailable"} {
		s := sinktest.Start(t)
		s.RefuseGRPC = func(request int) error {
			if request != 1 {
				return nil
			}
			if want == "grpc:ResourceExhausted" {
				return status.Error(codes.ResourceExhausted, "message too large") // final, for it has no RetryInfo
			}
			return status.Error(codes.Unavailable, "later")
		}
		got := runSend(t, s, "-traces-rate 5000 -count 3 -senders 1 -protocols grpc "+flags).Signals[report.Spans]
		if got.FailedRequests != 1 || got.FailedItems != 100 || got.AckedItems != 200 || got.Refused[want] != 1 || got.Retries != 0 {
			t.Errorf("%s: %+v", flags, got.Stats)
		}
		if len(got.Unacked) != 1 || got.Unacked[0] != [2]int64{1_000_000_100, 1_000_000_200} {
			t.Errorf("%s: unacked %v", flags, got.Unacked)
		}
	}
}

func TestAServerThatIsAwayCountsAsRefused(t *testing.T) {
	s := sinktest.Start(t)
	s.HTTP = "http://127.0.0.1:1"
	got := runSend(t, s, "-logs-rate 1000 -count 2 -protocols http -no-retry").Signals[report.Logs]
	if got.FailedRequests != 2 || got.Refused["http:refused"] != 2 {
		t.Errorf("%+v", got.Stats)
	}
}

func TestHTTPSTrustsTheGivenCAOnly(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &sinktest.Sink{HTTP: server.URL}
	const flags = "-logs-rate 1000 -count 4 -protocols http -no-retry"
	if got := runSend(t, s, flags+" -tls-ca "+ca).Signals[report.Logs]; got.AckedRequests != 4 {
		t.Errorf("with the CA: %+v", got.Stats)
	}
	if got := runSend(t, s, flags).Signals[report.Logs]; got.FailedRequests != 4 {
		t.Errorf("without the CA: %+v", got.Stats)
	}
}

func TestReportKeysAreAContract(t *testing.T) {
	text, err := json.Marshal(report.Report{Signals: map[string]*report.Signal{"spans": newTally().report(100, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"run":"","started":"0001-01-01T00:00:00Z","ended":"0001-01-01T00:00:00Z","durationSeconds":0,"protocols":"","senders":0,"cpuSeconds":0,` +
		`"signals":{"spans":{"sentRequests":0,"sentItems":0,"ackedRequests":0,"ackedItems":0,"rejectedItems":0,"failedRequests":0,"failedItems":0,` +
		`"retries":0,"refused":{},"latencyMs":{"p50":0,"p99":0,"max":0},"longestGapMs":0,"firstAck":null,"lastAck":null,` +
		`"batchItems":100,"slippedMs":0,"unacked":[],"byProtocol":{}}}}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
}
