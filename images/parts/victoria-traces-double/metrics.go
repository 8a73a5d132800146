package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func (a *app) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	metric := func(name string, value any) { fmt.Fprintf(w, "%s %v\n", name, value) }
	metric(fmt.Sprintf("vm_app_version{version=%q, short_version=%q}", version, "v0.1.0"), 1)
	metric("vm_app_uptime_seconds", int64(time.Since(a.started).Seconds()))
	metric("vm_app_start_timestamp", a.started.Unix())
	metric("go_goroutines", runtime.NumGoroutine())
	metric("process_resident_memory_bytes", residentBytes())
	metric("vt_http_requests_total", a.requests.Load())
	metric("vt_http_errors_total", a.failures.Load())
	metric(`vt_rows_ingested_total{type="opentelemetry_traces"}`, a.rowsIngested.Load())
	if a.store != nil {
		a.store.metrics(metric)
	}
}

func (s *store) metrics(metric func(name string, value any)) {
	path := strconv.Quote(s.options.path)
	readOnly := 0
	if s.readOnly.Load() {
		readOnly = 1
	}
	metric("vt_storage_is_read_only{path="+path+"}", readOnly)
	metric("vt_free_disk_space_bytes{path="+path+"}", s.freeBytes())
	metric(`vt_rows_dropped_total{reason="too_small_timestamp"}`, s.tooOld.Load())
	metric(`vt_rows_dropped_total{reason="too_big_timestamp"}`, s.tooNew.Load())
	metric("vt_rows_added_total", s.added.Load())
	metric("vt_flush_errors_total", s.broke.Load())
	s.mu.RLock()
	defer s.mu.RUnlock()
	rows := 0
	for _, d := range s.days {
		rows += d.entries.len
	}
	_, bytes := s.sortedDays()
	metric("vt_partitions", len(s.days))
	metric(`vt_storage_rows{type="storage"}`, rows)
	metric(`vt_data_size_bytes{type="storage"}`, bytes)
	metric("vt_pending_bytes", s.waiting)
}

func residentBytes() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(statm))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
