package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// field is one name and value of a span, named as VictoriaTraces names them in LogsQL. All values are text.
type field struct{ Name, Value string }

// span is one stored row. Its identity and time stand apart, because the index in memory keeps only those.
type span struct {
	traceID  [16]byte
	spanID   [8]byte
	end      int64 // nanoseconds; this is the row's _time, as in VictoriaTraces
	name     string
	resource []field
	details  []field
}

// get answers fields that make up the stream as well, so that a span can be matched before it is stored.
func (s *span) get(name string) string {
	if name == "name" {
		return s.name
	}
	for _, fields := range [][]field{s.details, s.resource} {
		for _, f := range fields {
			if f.Name == name {
				return f.Value
			}
		}
	}
	return ""
}

// spansOf flattens an OTLP request.
func spansOf(data *tracepb.TracesData) []span {
	var spans []span
	for _, rs := range data.GetResourceSpans() {
		resource := attributes(nil, "resource_attr:", rs.GetResource().GetAttributes())
		for _, ss := range rs.GetScopeSpans() {
			scope := []field{{"scope_name", ss.GetScope().GetName()}, {"scope_version", ss.GetScope().GetVersion()}}
			scope = attributes(scope, "scope_attr:", ss.GetScope().GetAttributes())
			for _, s := range ss.GetSpans() {
				spans = append(spans, flatten(s, resource, scope))
			}
		}
	}
	return spans
}

func flatten(s *tracepb.Span, resource, scope []field) span {
	start, end := int64(s.GetStartTimeUnixNano()), int64(s.GetEndTimeUnixNano())
	row := span{end: end, name: s.GetName(), resource: resource}
	// An id of another length cannot be looked up by the index as it was sent; it is kept as it was in the details.
	copy(row.traceID[:], s.GetTraceId())
	copy(row.spanID[:], s.GetSpanId())
	details := []field{
		{"trace_id", hex.EncodeToString(s.GetTraceId())},
		{"span_id", hex.EncodeToString(s.GetSpanId())},
		{"parent_span_id", hex.EncodeToString(s.GetParentSpanId())},
		{"trace_state", s.GetTraceState()},
		{"kind", strconv.Itoa(int(s.GetKind()))},
		{"start_time_unix_nano", strconv.FormatInt(start, 10)},
		{"end_time_unix_nano", strconv.FormatInt(end, 10)},
		{"duration", strconv.FormatInt(end-start, 10)},
		{"status_code", strconv.Itoa(int(s.GetStatus().GetCode()))},
		{"status_message", s.GetStatus().GetMessage()},
	}
	details = append(details, scope...)
	details = attributes(details, "span_attr:", s.GetAttributes())
	for i, event := range s.GetEvents() {
		prefix := fmt.Sprintf("event:%d:", i)
		details = append(details,
			field{prefix + "event_time_unix_nano", strconv.FormatUint(event.GetTimeUnixNano(), 10)},
			field{prefix + "event_name", event.GetName()})
		details = attributes(details, prefix+"event_attr:", event.GetAttributes())
	}
	for i, link := range s.GetLinks() {
		prefix := fmt.Sprintf("link:%d:", i)
		details = append(details,
			field{prefix + "link_trace_id", hex.EncodeToString(link.GetTraceId())},
			field{prefix + "link_span_id", hex.EncodeToString(link.GetSpanId())})
		details = attributes(details, prefix+"link_attr:", link.GetAttributes())
	}
	row.details = withoutEmpty(details)
	return row
}

// withoutEmpty drops fields without a value: to LogsQL an empty field and a missing one are the same.
func withoutEmpty(fields []field) []field {
	kept := fields[:0]
	for _, f := range fields {
		if f.Value != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

func attributes(to []field, prefix string, from []*commonpb.KeyValue) []field {
	for _, kv := range from {
		if value := text(kv.GetValue()); value != "" {
			to = append(to, field{prefix + kv.GetKey(), value})
		}
	}
	return to
}

func text(v *commonpb.AnyValue) string {
	switch v.GetValue().(type) {
	case *commonpb.AnyValue_ArrayValue, *commonpb.AnyValue_KvlistValue:
		encoded, _ := json.Marshal(plain(v))
		return string(encoded)
	}
	if v.GetValue() == nil {
		return ""
	}
	return fmt.Sprint(plain(v))
}

func plain(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BytesValue:
		return base64.StdEncoding.EncodeToString(v.BytesValue)
	case *commonpb.AnyValue_ArrayValue:
		list := []any{}
		for _, item := range v.ArrayValue.GetValues() {
			list = append(list, plain(item))
		}
		return list
	case *commonpb.AnyValue_KvlistValue:
		object := map[string]any{}
		for _, kv := range v.KvlistValue.GetValues() {
			object[kv.GetKey()] = plain(kv.GetValue())
		}
		return object
	}
	return nil
}
