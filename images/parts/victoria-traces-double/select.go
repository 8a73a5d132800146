package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type selectHandler func(ctx context.Context, w http.ResponseWriter, r *http.Request) error

// limited gives a query its turn and its time, and its failure the status of VictoriaTraces 0.1: 400 with a text.
func (a *app) limited(handle selectHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		duration := a.settings.maxQueryDuration
		if asked, err := parseDuration(r.FormValue("timeout")); err == nil && asked < duration {
			duration = asked
		}
		select {
		case a.turns <- struct{}{}:
			defer func() { <-a.turns }()
		case <-time.After(a.settings.maxQueueDuration):
			refuse(w, http.StatusTooManyRequests, "-search.maxConcurrentRequests queries are running already")
			return
		case <-r.Context().Done():
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), duration)
		defer cancel()
		if err := handle(ctx, w, r); err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
		}
	}
}

func (a *app) logsqlQuery(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	q, err := requestQuery(r)
	if err != nil {
		return err
	}
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	rows, err := q.run(ctx, a.source, limit)
	if err != nil {
		breakOnTimeout(w, err)
		return fmt.Errorf("cannot execute query [%s]: %w", r.FormValue("query"), err)
	}
	w.Header().Set("Content-Type", "application/stream+json")
	whole := len(q.Pipes) == 0 || q.Pipes[0].Kind == "limit" && len(q.Pipes) == 1
	for _, row := range rows {
		line := map[string]string{}
		if whole {
			stream := streamOf(&row)
			line = map[string]string{"_time": formatTime(row.Time), "_stream": stream, "_stream_id": streamID(stream), "_msg": "-"}
		}
		for _, f := range row.Fields {
			if f.Value != "" {
				line[f.Name] = f.Value
			}
		}
		encoded, _ := json.Marshal(line)
		w.Write(append(encoded, '\n'))
	}
	return nil
}

func streamOf(r *row) string {
	var tags []string
	for _, name := range []string{"name", serviceName} {
		if value := r.get(name); value != "" {
			tags = append(tags, name+"="+strconv.Quote(value))
		}
	}
	return "{" + strings.Join(tags, ",") + "}"
}

func streamID(stream string) string {
	h := fnv.New128a()
	io.WriteString(h, stream)
	return fmt.Sprintf("%016x%x", 0, h.Sum(nil))
}

type object = map[string]any

func (a *app) logsqlStats(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	q, err := requestQuery(r)
	if err != nil {
		return err
	}
	if len(q.Pipes) == 0 || q.Pipes[0].Kind != "stats" {
		return unsupported("stats_query without | stats")
	}
	rows, err := q.run(ctx, a.source, 0)
	if err != nil {
		breakOnTimeout(w, err)
		if errors.Is(err, errUnsupported) {
			return err
		}
		// The real program answers this one with a status and a form of its own.
		text := fmt.Sprintf("cannot execute query [%s]: %s", r.FormValue("query"), err)
		return writeJSON(w, http.StatusUnprocessableEntity, object{"status": "error", "errorType": "422", "error": text})
	}
	now, results := time.Now().Unix(), []object{}
	by := q.Pipes[0].Fields
	for _, row := range rows {
		for _, f := range row.Fields[min(len(by), len(row.Fields)):] {
			metric := map[string]string{"__name__": f.Name}
			for _, name := range by {
				metric[name] = row.get(name)
			}
			results = append(results, object{"metric": metric, "value": []any{now, f.Value}})
		}
	}
	return writeJSON(w, http.StatusOK, object{"status": "success", "data": object{"resultType": "vector", "result": results}})
}

// breakOnTimeout does what VictoriaTraces 0.1 does when a storage hangs: the status 200 is out already, the body breaks
// off. Whoever trusts the status alone is meant to find out here.
func breakOnTimeout(w http.ResponseWriter, err error) {
	if !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	w.WriteHeader(http.StatusOK)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func writeJSON(w http.ResponseWriter, status int, value any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(value)
}

func requestQuery(r *http.Request) (query, error) {
	q, err := parseQuery(r.FormValue("query"), time.Now())
	if err != nil {
		return q, fmt.Errorf("cannot parse query [%s]: %w", r.FormValue("query"), err)
	}
	for name, bound := range map[string]*int64{"start": &q.From, "end": &q.To} {
		value := r.FormValue(name)
		if value == "" {
			continue
		}
		at, err := parseTime(value)
		if err != nil {
			return q, fmt.Errorf("cannot parse %s=%s: %w", name, value, err)
		}
		if name == "start" {
			at = max(at, *bound)
		}
		*bound = at
	}
	return q, nil
}

// parseTime takes RFC 3339 and Unix seconds, milli-, micro- and nanoseconds, told apart by their size.
func parseTime(text string) (int64, error) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339Nano, text)
		return at.UnixNano(), err
	}
	for _, unit := range []float64{1e9, 1e6, 1e3} {
		if number < 1e20/unit {
			return int64(number * unit), nil
		}
	}
	return int64(number), nil
}
