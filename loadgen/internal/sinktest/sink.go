// Package sinktest is an OTLP receiver inside the test process. It decodes and keeps every request that it accepts.
package sinktest

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	logscollector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the server side of a compressed message
	"google.golang.org/protobuf/proto"
)

// MaxBodyBytes bounds a request, also after decompression.
const MaxBodyBytes = 4 << 20

type Sink struct {
	GRPC string // host:port
	HTTP string // base URL

	// RefuseGRPC and RefuseHTTP decide about each request before it is decoded. Set them before the first one.
	RefuseGRPC func(request int) error
	RefuseHTTP func(request int, w http.ResponseWriter) bool

	mutex                      sync.Mutex
	grpcRequests, httpRequests int
	Traces                     []*tracecollector.ExportTraceServiceRequest
	Logs                       []*logscollector.ExportLogsServiceRequest
	Metrics                    []*metricscollector.ExportMetricsServiceRequest
}

func Start(t *testing.T) *Sink {
	t.Helper()
	s := &Sink{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(s.interceptGRPC), grpc.MaxRecvMsgSize(MaxBodyBytes))
	tracecollector.RegisterTraceServiceServer(server, traceServer{})
	logscollector.RegisterLogsServiceServer(server, logsServer{})
	metricscollector.RegisterMetricsServiceServer(server, metricsServer{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.GRPC, s.HTTP = listener.Addr().String(), web.URL
	return s
}

func (s *Sink) keep(request proto.Message) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch r := request.(type) {
	case *tracecollector.ExportTraceServiceRequest:
		s.Traces = append(s.Traces, r)
	case *logscollector.ExportLogsServiceRequest:
		s.Logs = append(s.Logs, r)
	case *metricscollector.ExportMetricsServiceRequest:
		s.Metrics = append(s.Metrics, r)
	}
}

func (s *Sink) next(counter *int) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	*counter++
	return *counter - 1
}

func (s *Sink) interceptGRPC(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if number := s.next(&s.grpcRequests); s.RefuseGRPC != nil {
		if err := s.RefuseGRPC(number); err != nil {
			return nil, err
		}
	}
	s.keep(request.(proto.Message))
	return handle(ctx, request)
}

func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if number := s.next(&s.httpRequests); s.RefuseHTTP != nil && s.RefuseHTTP(number, w) {
		return
	}
	message := map[string]proto.Message{
		"/v1/traces":  &tracecollector.ExportTraceServiceRequest{},
		"/v1/logs":    &logscollector.ExportLogsServiceRequest{},
		"/v1/metrics": &metricscollector.ExportMetricsServiceRequest{},
	}[r.URL.Path]
	switch {
	case message == nil:
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case r.Header.Get("Content-Type") != "application/x-protobuf":
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	body, ok := decompressed(r)
	if !ok || len(body) > MaxBodyBytes || proto.Unmarshal(body, message) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.keep(message)
}

func decompressed(r *http.Request) ([]byte, bool) {
	var reader io.Reader = r.Body
	switch r.Header.Get("Content-Encoding") {
	case "":
	case "gzip":
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, false
		}
		reader = unzipped
	default:
		return nil, false
	}
	body, err := io.ReadAll(io.LimitReader(reader, MaxBodyBytes+1))
	return body, err == nil
}

type traceServer struct {
	tracecollector.UnimplementedTraceServiceServer
}

func (traceServer) Export(context.Context, *tracecollector.ExportTraceServiceRequest) (*tracecollector.ExportTraceServiceResponse, error) {
	return &tracecollector.ExportTraceServiceResponse{}, nil
}

type logsServer struct {
	logscollector.UnimplementedLogsServiceServer
}

// Export rejects one record of each request.
func (logsServer) Export(context.Context, *logscollector.ExportLogsServiceRequest) (*logscollector.ExportLogsServiceResponse, error) {
	return &logscollector.ExportLogsServiceResponse{PartialSuccess: &logscollector.ExportLogsPartialSuccess{RejectedLogRecords: 1, ErrorMessage: "one"}}, nil
}

type metricsServer struct {
	metricscollector.UnimplementedMetricsServiceServer
}

func (metricsServer) Export(context.Context, *metricscollector.ExportMetricsServiceRequest) (*metricscollector.ExportMetricsServiceResponse, error) {
	return &metricscollector.ExportMetricsServiceResponse{}, nil
}
