package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

type sink interface {
	add(ctx context.Context, spans []span) error
}

// app is one process: its roles, its data or the way to it.
type app struct {
	settings   *settings
	source     source
	sink       sink
	store      *store // nil on insert and select roles
	started    time.Time
	shutdownAt atomic.Pointer[time.Time]
	turns      chan struct{} // one per query that may run

	rowsIngested, requests, failures atomic.Int64
}

func (a *app) role() string {
	switch {
	case a.store != nil:
		return "storage"
	case a.settings.selectDisable:
		return "insert"
	case a.settings.insertDisable:
		return "select"
	}
	return "insert and select"
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/health", "/-/healthy", "/-/ready"} {
		mux.HandleFunc(path, a.health)
	}
	mux.HandleFunc("/metrics", a.metrics)
	mux.HandleFunc("/{$}", a.page)
	mux.HandleFunc("/select/vmui/", a.page)
	mux.HandleFunc("/internal/force_flush", a.forceFlush)
	mux.HandleFunc("POST /internal/partition/snapshot/create", a.createSnapshot)
	mux.HandleFunc("POST /internal/partition/snapshot/delete", a.removeSnapshot)
	mux.HandleFunc("POST /insert/opentelemetry/v1/traces", a.insert)
	mux.HandleFunc("POST /internal/insert", a.internalInsert)
	mux.HandleFunc("POST /internal/select/rows", a.internalRows)
	mux.HandleFunc("POST /internal/select/groups", a.internalGroups)
	mux.HandleFunc("/select/logsql/query", a.limited(a.logsqlQuery))
	mux.HandleFunc("/select/logsql/stats_query", a.limited(a.logsqlStats))
	mux.HandleFunc("/select/jaeger/api/services", a.limited(a.jaegerServices))
	mux.HandleFunc("/select/jaeger/api/services/{service}/operations", a.limited(a.jaegerOperations))
	mux.HandleFunc("/select/jaeger/api/traces", a.limited(a.jaegerSearch))
	mux.HandleFunc("/select/jaeger/api/traces/{id}", a.limited(a.jaegerTrace))
	mux.HandleFunc("/select/jaeger/api/dependencies", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusBadRequest, "/select/jaeger/api/dependencies is not supported yet")
	})
	mux.HandleFunc("/internal/partition/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusMethodNotAllowed, "only POST is allowed here")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("unsupported path requested: %q", r.URL.Path))
	})
	return a.guard(mux)
}

// guard keeps roles apart and counts.
func (a *app) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		for _, door := range []struct {
			closed     bool
			path, flag string
		}{
			{a.settings.insertDisable, "/insert/", "insert.disable"},
			{a.settings.insertDisable || a.settings.internalInsertOff || a.store == nil, "/internal/insert", "internalinsert.disable"},
			{a.settings.selectDisable, "/select/", "select.disable"},
			{a.settings.selectDisable || a.settings.internalSelectOff || a.store == nil, "/internal/select/", "internalselect.disable"},
		} {
			if door.closed && strings.HasPrefix(r.URL.Path, door.path) {
				refuse(w, http.StatusBadRequest, fmt.Sprintf("requests to %s* are disabled with -%s command-line flag", door.path, door.flag))
				return
			}
		}
		counting := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(counting, r)
		if counting.status >= 400 {
			a.failures.Add(1)
		}
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func refuse(w http.ResponseWriter, status int, text string) {
	http.Error(w, text, status)
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	if end := a.shutdownAt.Load(); end != nil {
		left := max(0, time.Until(*end)).Seconds()
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("The server is in delayed shutdown mode, which will end in %.3fs", left))
		return
	}
	io.WriteString(w, "OK")
}

func (a *app) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><title>Test double of VictoriaTraces</title><h1>This is a test double, not VictoriaTraces</h1>
<p>%s, role: %s. It keeps spans on disk and answers the queries of Mirador Stack's own checks; nothing else.</p>
<ul><li><a href="/metrics">/metrics</a><li><a href="/select/jaeger/api/services">/select/jaeger/api/services</a></ul>
`, html.EscapeString(version), a.role())
}

func (a *app) forceFlush(w http.ResponseWriter, r *http.Request) {
	if key := a.settings.forceFlushAuthKey; key != "" && r.FormValue("authKey") != key {
		refuse(w, http.StatusUnauthorized, "The provided authKey doesn't match -forceFlushAuthKey")
		return
	}
	if a.store != nil {
		if err := a.store.flush(); err != nil {
			refuse(w, http.StatusInternalServerError, err.Error())
		}
	}
}

func (a *app) insert(w http.ResponseWriter, r *http.Request) {
	spans, err := readSpans(r, int64(a.settings.maxRequestSize))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	a.take(w, r, spans)
}

func (a *app) internalInsert(w http.ResponseWriter, r *http.Request) {
	if err := checkInsertProtocol(r.URL.Query().Get("version")); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if a.store != nil && a.store.readOnly.Load() {
		refuse(w, http.StatusTooManyRequests, errReadOnly.Error())
		return
	}
	rows, err := readBody(r, 4*int64(a.settings.maxRequestSize))
	if err == nil {
		var spans []span
		if spans, err = splitInsertRows(rows); err == nil {
			a.take(w, r, spans)
			return
		}
	}
	refuse(w, http.StatusBadRequest, fmt.Sprintf("cannot parse internal insert request: %s", err))
}

func (a *app) take(w http.ResponseWriter, r *http.Request, spans []span) {
	err := a.sink.add(r.Context(), spans)
	var answered *statusError
	switch {
	case err == nil:
		a.rowsIngested.Add(int64(len(spans)))
	case errors.Is(err, errReadOnly):
		refuse(w, http.StatusTooManyRequests, err.Error())
	case errors.As(err, &answered) && answered.status == http.StatusTooManyRequests:
		refuse(w, http.StatusTooManyRequests, err.Error())
	default:
		refuse(w, http.StatusServiceUnavailable, err.Error())
	}
}

func (a *app) internalRows(w http.ResponseWriter, r *http.Request) {
	serveInternal(w, r, func(q internalQuery) (any, error) { return a.source.rows(r.Context(), q.Query, q.Limit, q.Fields) })
}

func (a *app) internalGroups(w http.ResponseWriter, r *http.Request) {
	serveInternal(w, r, func(q internalQuery) (any, error) { return a.source.groups(r.Context(), q.Query, q.Fields, q.Stats) })
}

func serveInternal(w http.ResponseWriter, r *http.Request, answer func(internalQuery) (any, error)) {
	var q internalQuery
	if err := gob.NewDecoder(io.LimitReader(r.Body, 64<<20)).Decode(&q); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	value, err := answer(q)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	gob.NewEncoder(w).Encode(value)
}
