package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func attribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// traceData makes traces of two spans: a server span "GET /" of shop and its child "query" of api.
func traceData(run string, first, traces int, end time.Time) *tracepb.TracesData {
	resource := func(service string) *resourcepb.Resource {
		return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attribute("service.name", service), attribute("run", run)}}
	}
	var parents, children []*tracepb.Span
	for i := first; i < first+traces; i++ {
		id, _ := hex.DecodeString(traceID(i))
		parent, child := spanID(i, 1), spanID(i, 2)
		at := uint64(end.UnixNano())
		parents = append(parents, &tracepb.Span{TraceId: id, SpanId: parent, Name: "GET /", Kind: tracepb.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: at - 5e6, EndTimeUnixNano: at, Attributes: []*commonpb.KeyValue{attribute("seq", fmt.Sprint(i))}})
		children = append(children, &tracepb.Span{TraceId: id, SpanId: child, ParentSpanId: parent, Name: "query",
			StartTimeUnixNano: at - 4e6, EndTimeUnixNano: at - 1e6, Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}})
	}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{
		{Resource: resource("shop"), ScopeSpans: []*tracepb.ScopeSpans{{Spans: parents}}},
		{Resource: resource("api"), ScopeSpans: []*tracepb.ScopeSpans{{Spans: children}}},
	}}
}

func traceID(i int) string { return fmt.Sprintf("%032x", i+1) }
func spanID(i, n int) []byte {
	return []byte{0, 0, 0, byte(n), byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i + 1)}
}
func spansFor(i, n int) []span { return spansOf(traceData("r1", i, n, time.Now())) }

func openTestStore(t *testing.T, path string) *store {
	t.Helper()
	s, err := openStore(storeOptions{path: path, retention: 7 * 24 * time.Hour, futureRetention: 48 * time.Hour, flushInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.lock.Fd() != ^uintptr(0) {
			s.close()
		}
	})
	return s
}

// testServer is a process of the double with the given flags.
func testServer(t *testing.T, args ...string) (*httptest.Server, *app) {
	t.Helper()
	settings, err := parseFlags(args, flag.ContinueOnError)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{settings: settings, started: time.Now(), turns: make(chan struct{}, settings.maxConcurrent)}
	if len(settings.storageNodes) > 0 {
		group := newCluster(settings.storageNodes)
		a.source, a.sink = group, group
	} else {
		a.store = openTestStore(t, t.TempDir())
		a.source, a.sink = a.store, a.store
	}
	server := httptest.NewServer(a.routes())
	t.Cleanup(server.Close)
	return server, a
}

func address(server *httptest.Server) string { return strings.TrimPrefix(server.URL, "http://") }

func send(t *testing.T, server *httptest.Server, data *tracepb.TracesData) int {
	t.Helper()
	body, err := proto.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	status, _ := post(t, server, "application/x-protobuf", "", body)
	return status
}

func post(t *testing.T, server *httptest.Server, contentType, encoding string, body []byte) (int, string) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodPost, server.URL+"/insert/opentelemetry/v1/traces", strings.NewReader(string(body)))
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Content-Encoding", encoding)
	return answerOf(t, request)
}

func get(t *testing.T, server *httptest.Server, pathAndQuery string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, server.URL+pathAndQuery, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answerOf(t, request)
}

func answerOf(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, "broken: " + err.Error()
	}
	return response.StatusCode, string(body)
}
