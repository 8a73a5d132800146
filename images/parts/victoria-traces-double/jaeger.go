package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const serviceField = "resource_attr:service.name"

// jaegerDefaultLookback is how far a search without a start goes back.
const jaegerDefaultLookback = time.Hour

func (a *app) jaegerServices(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	return a.jaegerNames(ctx, w, query{}, serviceField)
}

func (a *app) jaegerOperations(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	q := query{Conditions: []condition{{serviceField, []string{r.PathValue("service")}}}}
	return a.jaegerNames(ctx, w, q, "name")
}

func (a *app) jaegerNames(ctx context.Context, w http.ResponseWriter, q query, field string) error {
	groups, err := a.source.groups(ctx, q, []string{field}, nil)
	if err != nil {
		return err
	}
	names := []string{}
	for _, g := range groups {
		if g.By[0] != "" {
			names = append(names, g.By[0])
		}
	}
	slices.Sort(names)
	return jaegerAnswer(w, names, len(names))
}

func (a *app) jaegerTrace(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	q := query{Conditions: []condition{{"trace_id", []string{strings.ToLower(r.PathValue("id"))}}}}
	rows, err := a.source.rows(ctx, q, 0, nil)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	// As in VictoriaTraces 0.1, a storage that hangs makes an answer that is short of its spans and looks complete.
	traces := tracesOf(rows)
	return jaegerAnswer(w, traces, len(traces))
}

// jaegerSearch finds the newest traces that have a matching span, and gives them whole.
func (a *app) jaegerSearch(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	q, limit, err := searchQuery(r, time.Now())
	if err != nil {
		return err
	}
	ids, err := a.newestTraces(ctx, q, limit)
	var rows []row
	if err == nil && len(ids) > 0 {
		rows, err = a.source.rows(ctx, query{Conditions: []condition{{"trace_id", ids}}}, 0, nil)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		rows, err = nil, nil // as in VictoriaTraces 0.1: nothing found, status 200
	}
	if err != nil {
		return err
	}
	traces := tracesOf(rows)
	return jaegerAnswer(w, traces, len(traces))
}

func (a *app) newestTraces(ctx context.Context, q query, limit int) ([]string, error) {
	// Traces have many spans: look at more and more of the newest ones until there are enough different traces.
	for spans := 64 * limit; ; spans *= 8 {
		rows, err := a.source.rows(ctx, q, spans, []string{"trace_id"})
		if err != nil {
			return nil, err
		}
		ids, seen := []string{}, map[string]bool{}
		for _, row := range rows {
			id := row.get("trace_id")
			if len(ids) < limit && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		if len(ids) == limit || len(rows) < spans {
			return ids, nil
		}
	}
}

func searchQuery(r *http.Request, now time.Time) (query, int, error) {
	q, limit := query{From: now.Add(-jaegerDefaultLookback).UnixNano()}, 20
	service := r.FormValue("service")
	if service == "" {
		return q, 0, errors.New("service name is required")
	}
	q.Conditions = append(q.Conditions, condition{serviceField, []string{service}})
	if name := r.FormValue("operation"); name != "" && name != "all" {
		q.Conditions = append(q.Conditions, condition{"name", []string{name}})
	}
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return q, 0, fmt.Errorf("limit=%s is no number from 1 to 1000", text)
		}
		limit = n
	}
	if back, err := parseDuration(r.FormValue("lookback")); err == nil {
		q.From = now.Add(-back).UnixNano()
	}
	for name, bound := range map[string]*int64{"start": &q.From, "end": &q.To} {
		if text := r.FormValue(name); text != "" {
			micros, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return q, 0, fmt.Errorf("%s=%s is no number of microseconds", name, text)
			}
			*bound = micros * 1000
		}
	}
	for _, name := range []string{"minDuration", "maxDuration"} {
		if r.FormValue(name) != "" {
			return q, 0, unsupported("%s", name)
		}
	}
	return q, limit, addTags(&q, r.FormValue("tags"))
}

func addTags(q *query, encoded string) error {
	if encoded == "" {
		return nil
	}
	tags := map[string]string{}
	if err := json.Unmarshal([]byte(encoded), &tags); err != nil {
		return fmt.Errorf("tags=%s is no JSON object of texts: %w", encoded, err)
	}
	for key, value := range tags {
		name := "span_attr:" + key
		switch {
		case strings.HasPrefix(key, resourcePrefix), strings.HasPrefix(key, "scope_attr:"):
			name = key
		case key == "error" && value == "true":
			name, value = "status_code", "2"
		}
		q.Conditions = append(q.Conditions, condition{name, []string{value}})
	}
	return nil
}

func jaegerAnswer(w http.ResponseWriter, data any, total int) error {
	return writeJSON(w, http.StatusOK, object{"data": data, "errors": nil, "limit": 0, "offset": 0, "total": total})
}
