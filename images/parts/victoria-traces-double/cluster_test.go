package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestGroupOfTwoStorages(t *testing.T) {
	first, a := testServer(t)
	second, b := testServer(t)
	nodes := "-storageNode=" + address(first) + "," + address(second)
	inserts, _ := testServer(t, nodes, "-select.disable")
	selects, _ := testServer(t, nodes, "-insert.disable")
	if status := send(t, inserts, traceData("r1", 0, 50, time.Now())); status != http.StatusOK {
		t.Fatalf("insert answered %d", status)
	}
	a.store.flush()
	b.store.flush()
	if inA, inB := count(t, a.store), count(t, b.store); inA+inB != 100 {
		t.Fatalf("stored %d and %d", inA, inB)
	}
	for query, want := range map[string]string{
		`"resource_attr:run":="r1" | stats count() n, count_uniq(span_id) u, count_uniq(trace_id) t`: `{"n":"100","t":"50","u":"100"}`,
		`* | stats by (name) count() n | limit 1`:                                                    `"n":"50"`,
	} {
		if status, body := logsql(t, selects, "query", query); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if _, body := get(t, selects, "/select/jaeger/api/traces/"+traceID(7)); strings.Count(body, `"operationName"`) != 2 {
		t.Errorf("one trace: %s", body)
	}

	second.Close()
	if status := send(t, inserts, traceData("r2", 0, 50, time.Now())); status != http.StatusOK {
		t.Errorf("insert with one storage away answered %d", status)
	}
	for path, want := range map[string]int{
		"/select/logsql/query?query=*":                          http.StatusBadRequest,
		"/select/logsql/stats_query?query=*%7Cstats%20count()x": http.StatusUnprocessableEntity,
		"/select/jaeger/api/services":                           http.StatusBadRequest,
		"/select/jaeger/api/traces?service=shop":                http.StatusBadRequest,
		"/select/jaeger/api/traces/" + traceID(1):               http.StatusBadRequest,
		"/health": http.StatusOK,
	} {
		if status, body := get(t, selects, path); status != want {
			t.Errorf("%s with one storage away: %d %s", path, status, body)
		}
	}

	first.Close()
	if status := send(t, inserts, traceData("r3", 0, 1, time.Now())); status != http.StatusServiceUnavailable {
		t.Errorf("insert with no storage answered %d", status)
	}
}

func TestReadOnlyStorageRefusesThroughTheInsertRole(t *testing.T) {
	storage, a := testServer(t)
	inserts, _ := testServer(t, "-storageNode="+address(storage), "-select.disable")
	a.store.options.minFreeBytes = 1 << 62
	a.store.tend()
	for _, server := range []*httptest.Server{storage, inserts} {
		if status := send(t, server, traceData("r1", 0, 1, time.Now())); status != http.StatusTooManyRequests {
			t.Errorf("answered %d", status)
		}
	}
}

// A storage that hangs is where trusting the status goes wrong in the real program; so it does here.
func TestHungStorage(t *testing.T) {
	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer hung.Close()
	defer close(release)
	storage, a := testServer(t)
	send(t, storage, traceData("r1", 0, 1, time.Now()))
	a.store.flush()
	selects, _ := testServer(t, "-storageNode="+address(storage)+","+address(hung), "-insert.disable", "-search.maxQueryDuration=200ms")
	for path, want := range map[string]string{
		"/select/logsql/stats_query?query=*%7Cstats%20count()x": "200 broken: unexpected EOF",
		"/select/jaeger/api/services":                           "400 ",
		"/select/jaeger/api/traces?service=shop":                `200 {"data":[]`,
		"/select/jaeger/api/traces/" + traceID(0):               `200 {"data":[{"processes"`,
	} {
		status, body := get(t, selects, path)
		if got := http.StatusText(status); !strings.HasPrefix(statusLine(status, body), want) {
			t.Errorf("%s: %s %s", path, got, body)
		}
	}
}

func statusLine(status int, body string) string {
	return strings.TrimSpace(strings.Join([]string{map[int]string{200: "200", 400: "400"}[status], body}, " "))
}

func TestRolesRefuseEachOthersPaths(t *testing.T) {
	storage, _ := testServer(t)
	inserts, _ := testServer(t, "-storageNode="+address(storage), "-select.disable")
	selects, _ := testServer(t, "-storageNode="+address(storage), "-insert.disable")
	if status, body := get(t, inserts, "/select/logsql/query?query=*"); status != 400 || !strings.Contains(body, "requests to /select/* are disabled with -select.disable") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := post(t, selects, "application/x-protobuf", "", []byte("x")); status != 400 || !strings.Contains(body, "requests to /insert/* are disabled with -insert.disable") {
		t.Errorf("%d %s", status, body)
	}
}
