package payload

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// SpansPerTrace is the length of the one kind of trace there is: see shape.
const SpansPerTrace = 5

// Position of the span that turns to an error: the server span of shop-api.
const failingSpan = 2

type spanShape struct {
	service, name string
	kind          tracepb.Span_SpanKind
	// Nested and constant, so that every latency in a RED view is known beforehand.
	start, end time.Duration
	attributes []*commonpb.KeyValue
}

var shape = [SpansPerTrace]spanShape{
	{"shop-web", "GET /checkout/{cart}", tracepb.Span_SPAN_KIND_SERVER, -40 * time.Millisecond, 0, []*commonpb.KeyValue{
		text("http.request.method", "GET"), text("http.route", "/checkout/{cart}"), integer("http.response.status_code", 200),
		text("url.scheme", "https"), text("url.path", "/checkout/7c1d2a90"), text("server.address", "shop.test"), integer("server.port", 443),
		text("network.protocol.version", "2"), text("client.address", "10.77.20.31"), text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
	}},
	{"shop-web", "POST /orders", tracepb.Span_SPAN_KIND_CLIENT, -35 * time.Millisecond, -5 * time.Millisecond, []*commonpb.KeyValue{
		text("http.request.method", "POST"), integer("http.response.status_code", 200), text("url.full", "http://shop-api.test:8080/orders"),
		text("server.address", "shop-api.test"), integer("server.port", 8080), text("network.protocol.version", "1.1"),
		text("network.peer.address", "10.77.20.41"), integer("network.peer.port", 8080), text("thread.name", "http-client-pool-3"), text("code.function.name", "shop.web.Checkout.placeOrder"),
	}},
	{"shop-api", "POST /orders", tracepb.Span_SPAN_KIND_SERVER, -30 * time.Millisecond, -10 * time.Millisecond, []*commonpb.KeyValue{
		text("http.request.method", "POST"), text("http.route", "/orders"), integer("http.response.status_code", 200),
		text("url.scheme", "http"), text("url.path", "/orders"), text("server.address", "shop-api.test"), integer("server.port", 8080),
		text("network.protocol.version", "1.1"), text("client.address", "10.77.20.40"), text("user_agent.original", "shop-web/1.4.2 http-client/5.3"),
	}},
	{"shop-api", "reserve stock", tracepb.Span_SPAN_KIND_INTERNAL, -28 * time.Millisecond, -13 * time.Millisecond, []*commonpb.KeyValue{
		text("code.function.name", "shop.api.Stock.reserve"), text("code.file.path", "internal/stock/reserve.go"), integer("code.line.number", 148),
		text("thread.name", "worker-7"), integer("thread.id", 47), text("shop.cart.id", "7c1d2a90"), integer("shop.cart.items", 3),
		text("shop.customer.tier", "gold"), text("shop.warehouse", "north-2"), text("feature_flag.key", "fast-reserve"),
	}},
	// The namespace becomes the server of the service graph's database edge.
	{"shop-api", "INSERT orders.order", tracepb.Span_SPAN_KIND_CLIENT, -25 * time.Millisecond, -15 * time.Millisecond, []*commonpb.KeyValue{
		text("db.system.name", "postgresql"), text("db.namespace", "orders"), text("db.operation.name", "INSERT"), text("db.collection.name", "order"),
		text("db.query.text", "INSERT INTO \"order\" (cart, customer) VALUES ($1, $2)"), text("server.address", "db.test"), integer("server.port", 5432),
		text("network.peer.address", "10.77.20.51"), integer("network.peer.port", 5432), integer("db.response.returned_rows", 1),
	}},
}

// Spans is a Batch of whole traces.
type Spans struct {
	body
	errorEvery          int64
	traces              []traceSlots
	spanSeed, traceSeed uint64
}

type traceSlots struct {
	spans                  [SpansPerTrace]spanSlots
	statusCode, httpStatus int
}

type spanSlots struct{ traceID, spanID, parentID, start, end, seq int }

// NewSpans encodes batchTraces traces. Every errorEvery-th trace of the run carries an error (0: none).
func NewSpans(run string, batchTraces int, errorEvery int64) *Spans {
	hash := fnv.New64a()
	hash.Write([]byte(run))
	seed := hash.Sum64()
	s := &Spans{errorEvery: errorEvery, traces: make([]traceSlots, batchTraces), spanSeed: seed, traceSeed: mix(seed)}

	var m marks
	services := []string{"shop-web", "shop-api"}
	request := &collectorpb.ExportTraceServiceRequest{}
	for _, service := range services {
		scopeSpans := &tracepb.ScopeSpans{Scope: scope()}
		s.eachSpan(service, func(_ *traceSlots, position, number int) {
			scopeSpans.Spans = append(scopeSpans.Spans, templateSpan(&m, position, number))
		})
		request.ResourceSpans = append(request.ResourceSpans, &tracepb.ResourceSpans{
			Resource: resource(run, service), ScopeSpans: []*tracepb.ScopeSpans{scopeSpans},
		})
	}
	s.bytes = encode(request)
	m.body = s.bytes
	next := map[string]int{}
	for i, service := range services {
		s.eachSpan(service, func(trace *traceSlots, position, _ int) {
			trace.locate(&m, position, request.ResourceSpans[i].ScopeSpans[0].Spans[next[service]])
			next[service]++
		})
	}
	return s
}

// eachSpan visits the spans of one service in the order of the encoding.
func (s *Spans) eachSpan(service string, visit func(trace *traceSlots, position, number int)) {
	for t := range s.traces {
		for position, span := range shape {
			if span.service == service {
				visit(&s.traces[t], position, t*SpansPerTrace+position)
			}
		}
	}
}

func templateSpan(m *marks, position, number int) *tracepb.Span {
	from := shape[position]
	span := &tracepb.Span{
		TraceId: append(m.id(), m.id()...), SpanId: m.id(), Name: from.name, Kind: from.kind,
		StartTimeUnixNano: m.uint64(), EndTimeUnixNano: m.uint64(),
		Attributes: append([]*commonpb.KeyValue{integer("seq", SeqBase+int64(number))}, from.attributes...),
	}
	if position > 0 {
		span.ParentSpanId = m.id()
	}
	if position == failingSpan {
		// OK, because proto3 writes no byte for UNSET; Patch then writes UNSET or ERROR over it.
		span.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_OK}
	}
	return span
}

func (trace *traceSlots) locate(m *marks, position int, span *tracepb.Span) {
	m.nextItem()
	slots := &trace.spans[position]
	slots.traceID, slots.spanID = m.find(span.TraceId), m.find(span.SpanId)
	slots.start, slots.end = m.findUint64(span.StartTimeUnixNano), m.findUint64(span.EndTimeUnixNano)
	slots.seq = m.findInt(span.Attributes[0])
	if position > 0 {
		slots.parentID = m.find(span.ParentSpanId)
	}
	if position == failingSpan {
		status := protowire.AppendTag(nil, 15, protowire.BytesType)
		status = protowire.AppendBytes(status, encode(span.Status))
		trace.statusCode = m.findAfter(status) - 1
		trace.httpStatus = m.findInt(integer("http.response.status_code", 200))
	}
}

func (s *Spans) Items() int64           { return int64(len(s.traces)) * SpansPerTrace }
func (s *Spans) FirstSeq(k int64) int64 { return SeqBase + k*s.Items() }

// ErrorTraces counts the failed traces of request k.
func (s *Spans) ErrorTraces(k int64) int64 {
	if s.errorEvery == 0 {
		return 0
	}
	first := k * int64(len(s.traces))
	return (first+int64(len(s.traces)))/s.errorEvery - first/s.errorEvery
}

func (s *Spans) Patch(k int64, now time.Time) {
	for t := range s.traces {
		s.patchTrace(&s.traces[t], k*int64(len(s.traces))+int64(t), now)
	}
}

func (s *Spans) patchTrace(trace *traceSlots, number int64, now time.Time) {
	var traceID [16]byte
	binary.BigEndian.PutUint64(traceID[:], mix(s.traceSeed+uint64(number)))
	binary.BigEndian.PutUint64(traceID[8:], mix(^s.traceSeed+uint64(number)))
	var parent uint64
	for position := range trace.spans {
		slots, seq := &trace.spans[position], number*SpansPerTrace+int64(position)
		id := mix(s.spanSeed + uint64(seq))
		copy(s.bytes[slots.traceID:], traceID[:])
		s.putID(slots.spanID, id)
		if position > 0 {
			s.putID(slots.parentID, parent)
		}
		parent = id // each span is the child of the one before
		s.putTime(slots.start, now.Add(shape[position].start))
		s.putTime(slots.end, now.Add(shape[position].end))
		s.putVarint(slots.seq, SeqBase+seq)
	}
	status, httpStatus := tracepb.Status_STATUS_CODE_UNSET, int64(200)
	if s.errorEvery > 0 && (number+1)%s.errorEvery == 0 {
		status, httpStatus = tracepb.Status_STATUS_CODE_ERROR, 500
	}
	s.bytes[trace.statusCode] = byte(status)
	s.putVarint(trace.httpStatus, httpStatus)
}
