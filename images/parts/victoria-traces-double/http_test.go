package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
)

func logsql(t *testing.T, server *httptest.Server, endpoint, query string) (int, string) {
	t.Helper()
	return get(t, server, "/select/logsql/"+endpoint+"?query="+url.QueryEscape(query))
}

func TestTakesSpansAndAnswersTheChecks(t *testing.T) {
	server, a := testServer(t)
	if status := send(t, server, traceData("r1", 0, 100, time.Now())); status != http.StatusOK {
		t.Fatalf("insert answered %d", status)
	}
	send(t, server, traceData("r1", 0, 10, time.Now())) // sent twice
	send(t, server, traceData("r2", 500, 1, time.Now()))
	get(t, server, "/internal/force_flush")
	for query, want := range map[string]string{
		`"resource_attr:run":="r1" | stats count() n, count_uniq(span_id) u`:          `{"n":"220","u":"200"}`,
		`_time:1h "resource_attr:run":="r2" | stats count() n`:                        `{"n":"2"}`,
		`"resource_attr:run":="none" | stats count() n`:                               `{"n":"0"}`,
		`"resource_attr:run":="r2" name:="query" | fields trace_id,status_code`:       `{"status_code":"2","trace_id":"` + traceID(500) + `"}`,
		`"resource_attr:run":="r2" | uniq by (trace_id)`:                              `{"trace_id":"` + traceID(500) + `"}`,
		`trace_id:="` + traceID(500) + `" kind:="2" | fields span_attr:seq | limit 1`: ``,
		`trace_id:="` + traceID(500) + `" kind:="2" | fields "span_attr:seq"`:         `{"span_attr:seq":"500"}`,
	} {
		status, body := logsql(t, server, "query", query)
		if want == "" {
			if status != http.StatusBadRequest || !strings.Contains(body, "test double: unsupported") {
				t.Errorf("%s: %d %s", query, status, body)
			}
		} else if status != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%s\n got %d %s\nwant %s", query, status, body, want)
		}
	}
	if a.rowsIngested.Load() != 222 {
		t.Errorf("counted %d rows", a.rowsIngested.Load())
	}
}

func TestAnswersWholeSpansAsLogsqlDoes(t *testing.T) {
	server, _ := testServer(t)
	send(t, server, traceData("r1", 0, 3, time.Now()))
	get(t, server, "/internal/force_flush")
	status, body := get(t, server, "/select/logsql/query?limit=1&query="+url.QueryEscape(`name:="GET /"`))
	var line map[string]string
	if err := json.Unmarshal([]byte(body), &line); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for name, want := range map[string]string{
		"name": "GET /", "duration": "5000000", "kind": "2", "resource_attr:service.name": "shop", "status_code": "0",
		"_stream": `{name="GET /",resource_attr:service.name="shop"}`,
	} {
		if line[name] != want {
			t.Errorf("%s: got %q, want %q", name, line[name], want)
		}
	}
	if line["_time"] == "" || line["_stream_id"] == "" {
		t.Errorf("without time or stream: %s", body)
	}
}

func TestRefusesAnAnswerThatWouldNotFitItsMemory(t *testing.T) {
	server, a := testServer(t)
	for i := range 10 {
		mustAdd(t, a.store, spansFor(i*5000, 5000))
	}
	a.store.flush()
	if status, body := logsql(t, server, "query", "*"); status != http.StatusBadRequest || !strings.Contains(body, "add | limit") {
		t.Errorf("%d, %d bytes", status, len(body))
	}
	if status, body := logsql(t, server, "query", "* | fields span_id"); status != http.StatusOK || strings.Count(body, "\n") != 100_000 {
		t.Errorf("%d, %d bytes", status, len(body))
	}
}

func TestStatsQueryHasTheFormOfPrometheus(t *testing.T) {
	server, _ := testServer(t)
	send(t, server, traceData("r1", 0, 2, time.Now()))
	get(t, server, "/internal/force_flush")
	status, body := logsql(t, server, "stats_query", "_time:1h | stats count() n")
	if status != http.StatusOK || !strings.Contains(body, `"status":"success"`) || !strings.Contains(body, `"__name__":"n"`) || !strings.Contains(body, `"4"]`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := logsql(t, server, "stats_query", "*"); status != http.StatusBadRequest {
		t.Errorf("without stats: %d %s", status, body)
	}
}

func TestRefusesWhatIsNoProtobufRequest(t *testing.T) {
	server, _ := testServer(t, "-opentelemetry.traces.maxRequestSize=2KiB")
	large, _ := proto.Marshal(traceData("r1", 0, 100, time.Now()))
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	zip.Write(make([]byte, 1<<20))
	zip.Close()
	for name, c := range map[string]struct {
		kind, encoding string
		body           []byte
		want           string
	}{
		"JSON":       {"application/json", "", []byte("{}"), "json encoding isn't supported"},
		"text":       {"text/plain", "", []byte("x"), "content type"},
		"empty":      {"application/x-protobuf", "", nil, "empty"},
		"malformed":  {"application/x-protobuf", "", []byte("\xffgarbage"), "cannot unmarshal"},
		"bad gzip":   {"application/x-protobuf", "gzip", []byte("garbage"), "gzip"},
		"bad snappy": {"application/x-protobuf", "snappy", []byte{200, 1, 0xfe, 1}, "snappy"},
		"zstd":       {"application/x-protobuf", "zstd", []byte("x"), "unsupported"},
		"too large":  {"application/x-protobuf", "", large, "larger"},
		"zip bomb":   {"application/x-protobuf", "gzip", bomb.Bytes(), "larger"},
	} {
		if status, body := post(t, server, c.kind, c.encoding, c.body); status != http.StatusBadRequest || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestReadsGzipAndSnappy(t *testing.T) {
	server, a := testServer(t)
	body, _ := proto.Marshal(traceData("r1", 0, 1, time.Now()))
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	zip.Write(body)
	zip.Close()
	// All of it as one literal with a two-byte length, a form that is valid snappy.
	snapped := append([]byte{byte(len(body)) | 0x80, byte(len(body) >> 7), 61 << 2, byte(len(body) - 1), byte((len(body) - 1) >> 8)}, body...)
	for encoding, content := range map[string][]byte{"": body, "gzip": zipped.Bytes(), "snappy": snapped} {
		if status, text := post(t, server, "application/x-protobuf", encoding, content); status != http.StatusOK {
			t.Errorf("%q: %d %s", encoding, status, text)
		}
	}
	if a.rowsIngested.Load() != 6 {
		t.Errorf("%d rows", a.rowsIngested.Load())
	}
}

func TestUnsnapsBackReferences(t *testing.T) {
	// "ab" and then four bytes from two back, twice: once with the short form, once with the long one.
	got, err := unsnap([]byte{10, 1 << 2, 'a', 'b', 1, 2, 3<<2 | 2, 2, 0}, 100)
	if err != nil || string(got) != "ababababab" {
		t.Fatalf("%q %v", got, err)
	}
	for _, corrupt := range [][]byte{{}, {5}, {4, 0, 'a', 1, 9}, {200, 200, 200, 200, 1}, {1, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if got, err := unsnap(corrupt, 1000); err == nil {
			t.Errorf("% x gave %q", corrupt, got)
		}
	}
}

func TestJaegerAPI(t *testing.T) {
	server, _ := testServer(t)
	send(t, server, traceData("r1", 0, 30, time.Now()))
	get(t, server, "/internal/force_flush")
	type span struct {
		TraceID, SpanID, OperationName, ProcessID string
		StartTime, Duration                       int64
		References                                []map[string]string
	}
	type answer struct {
		Data []struct {
			Spans     []span
			Processes map[string]struct{ ServiceName string }
		}
		Total int
	}
	ask := func(path string) (a answer) {
		t.Helper()
		status, body := get(t, server, "/select/jaeger/api/"+path)
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		return a
	}
	one := ask("traces/" + traceID(3))
	if len(one.Data) != 1 || len(one.Data[0].Spans) != 2 || len(one.Data[0].Processes) != 2 {
		t.Fatalf("one trace: %+v", one)
	}
	root, child := one.Data[0].Spans[0], one.Data[0].Spans[1]
	if root.OperationName != "GET /" || root.Duration != 5000 || len(root.References) != 0 || one.Data[0].Processes[root.ProcessID].ServiceName != "shop" {
		t.Errorf("root: %+v", root)
	}
	if len(child.References) != 1 || child.References[0]["spanID"] != root.SpanID {
		t.Errorf("child: %+v", child)
	}
	if found := ask("traces?service=shop&limit=5&lookback=1h"); len(found.Data) != 5 || len(found.Data[0].Spans) != 2 {
		t.Errorf("search: %d traces", len(found.Data))
	}
	if found := ask("traces?service=api&operation=query&tags=" + url.QueryEscape(`{"error":"true"}`)); len(found.Data) != 20 {
		t.Errorf("search by tag: %d traces, want the default limit", len(found.Data))
	}
	if found := ask("traces?service=api&operation=nothing"); len(found.Data) != 0 {
		t.Errorf("search for nothing: %d traces", len(found.Data))
	}
	for path, want := range map[string]string{
		"services":                 `{"data":["api","shop"],"errors":null,"limit":0,"offset":0,"total":2}`,
		"services/shop/operations": `{"data":["GET /"],"errors":null,"limit":0,"offset":0,"total":1}`,
		"traces/" + traceID(9999):  `{"data":[],"errors":null,"limit":0,"offset":0,"total":0}`,
	} {
		if status, body := get(t, server, "/select/jaeger/api/"+path); status != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := get(t, server, "/select/jaeger/api/dependencies"); status != http.StatusBadRequest {
		t.Errorf("dependencies: %d", status)
	}
}

func TestOperatorsPages(t *testing.T) {
	server, a := testServer(t)
	for path, want := range map[string]string{
		"/": "not VictoriaTraces", "/select/vmui/": "not VictoriaTraces", "/health": "OK",
		"/metrics": `vt_storage_is_read_only{path="` + a.store.options.path + `"} 0`,
	} {
		if status, body := get(t, server, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := get(t, server, "/select/tempo/api/search"); status != http.StatusBadRequest {
		t.Errorf("unknown path: %d %s", status, body)
	}
	soon := time.Now().Add(time.Second)
	a.shutdownAt.Store(&soon)
	if status, body := get(t, server, "/health"); status != http.StatusServiceUnavailable || !strings.Contains(body, "delayed shutdown mode") {
		t.Errorf("health while stopping: %d %s", status, body)
	}
}
