package main

import (
	"slices"
	"strconv"
	"strings"
)

var kinds = map[string]string{"1": "internal", "2": "server", "3": "client", "4": "producer", "5": "consumer"}

// tracesOf groups spans in Jaeger's form, in the order in which their traces appear.
func tracesOf(rows []row) []object {
	byID, order := map[string][]row{}, []string{}
	for _, r := range rows {
		id := r.get("trace_id")
		if _, known := byID[id]; !known {
			order = append(order, id)
		}
		byID[id] = append(byID[id], r)
	}
	traces := []object{}
	for _, id := range order {
		traces = append(traces, traceOf(id, byID[id]))
	}
	return traces
}

func traceOf(id string, rows []row) object {
	processes, ids := object{}, map[string]string{}
	spans := []object{}
	slices.SortFunc(rows, func(a, b row) int {
		return strings.Compare(a.get("start_time_unix_nano")+a.get("span_id"), b.get("start_time_unix_nano")+b.get("span_id"))
	})
	for _, r := range rows {
		var resource, key = []object{}, strings.Builder{}
		for _, f := range r.Fields {
			if name, found := strings.CutPrefix(f.Name, resourcePrefix); found {
				key.WriteString(f.Name + "\x00" + f.Value + "\x00")
				if f.Name != serviceField {
					resource = append(resource, tag(name, f.Value))
				}
			}
		}
		process, known := ids[key.String()]
		if !known {
			process = "p" + strconv.Itoa(len(ids)+1)
			ids[key.String()] = process
			processes[process] = object{"serviceName": r.get(serviceField), "tags": resource}
		}
		spans = append(spans, jaegerSpan(&r, process))
	}
	return object{"traceID": id, "spans": spans, "processes": processes, "warnings": nil}
}

func jaegerSpan(r *row, process string) object {
	references := []object{}
	if parent := r.get("parent_span_id"); parent != "" {
		references = append(references, object{"refType": "CHILD_OF", "traceID": r.get("trace_id"), "spanID": parent})
	}
	tags := []object{}
	if kind, known := kinds[r.get("kind")]; known {
		tags = append(tags, tag("span.kind", kind))
	}
	switch r.get("status_code") {
	case "1":
		tags = append(tags, tag("otel.status_code", "OK"))
	case "2":
		tags = append(tags, tag("error", "true"), tag("otel.status_code", "ERROR"))
	}
	for _, f := range r.Fields {
		name, isAttribute := strings.CutPrefix(f.Name, "span_attr:")
		switch {
		case isAttribute:
			tags = append(tags, tag(name, f.Value))
		case f.Name == "status_message":
			tags = append(tags, tag("otel.status_description", f.Value))
		case f.Name == "scope_name", f.Name == "scope_version":
			tags = append(tags, tag("otel."+strings.Replace(f.Name, "_", ".", 1), f.Value))
		}
	}
	return object{
		"traceID": r.get("trace_id"), "spanID": r.get("span_id"), "operationName": r.get("name"), "processID": process,
		"startTime": micros(r.get("start_time_unix_nano")), "duration": micros(r.get("duration")),
		"references": references, "tags": tags, "logs": eventsOf(r), "warnings": nil,
	}
}

func eventsOf(r *row) []object {
	events := []object{}
	for i := 0; ; i++ {
		prefix := "event:" + strconv.Itoa(i) + ":"
		at := r.get(prefix + "event_time_unix_nano")
		if at == "" {
			return events
		}
		fields := []object{tag("event", r.get(prefix+"event_name"))}
		for _, f := range r.Fields {
			if name, found := strings.CutPrefix(f.Name, prefix+"event_attr:"); found {
				fields = append(fields, tag(name, f.Value))
			}
		}
		events = append(events, object{"timestamp": micros(at), "fields": fields})
	}
}

func tag(key, value string) object { return object{"key": key, "type": "string", "value": value} }

func micros(nanoseconds string) int64 {
	n, _ := strconv.ParseInt(nanoseconds, 10, 64)
	return n / 1000
}
