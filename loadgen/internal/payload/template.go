// Package payload encodes export requests once; each later request is the same bytes with new ids, numbers and times.
package payload

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// SeqBase is the first `seq` of a run. From here to 2^35 a varint takes five bytes, so that a number can be replaced in place.
const SeqBase = 1_000_000_000

// MaxItems keeps numbers inside five bytes and far below 2^53, the limit of a metric value.
const MaxItems = 1 << 33

// Batch is one encoded export request. Only one goroutine may use it.
type Batch interface {
	// Patch makes the bytes request number k of the run.
	Patch(k int64, now time.Time)
	Bytes() []byte
	// Detach leaves the old bytes to a transport that may still be reading them.
	Detach()
	// Items is the number of spans, log records or data points in each request.
	Items() int64
	// FirstSeq is the number stored with the first item of request k.
	FirstSeq(k int64) int64
}

type body struct{ bytes []byte }

func (b *body) Bytes() []byte { return b.bytes }
func (b *body) Detach()       { b.bytes = slices.Clone(b.bytes) }

func (b *body) putUint64(at int, value uint64) { binary.LittleEndian.PutUint64(b.bytes[at:], value) }
func (b *body) putTime(at int, t time.Time)    { b.putUint64(at, uint64(t.UnixNano())) }
func (b *body) putID(at int, id uint64)        { binary.BigEndian.PutUint64(b.bytes[at:], id) }
func (b *body) putFloat(at int, value float64) { b.putUint64(at, math.Float64bits(value)) }

func (b *body) putVarint(at int, value int64) { protowire.AppendVarint(b.bytes[:at], uint64(value)) }

// mix is the finalizer of splitmix64: a bijection, so distinct numbers give distinct ids.
func mix(x uint64) uint64 {
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// marks hands out values that occur once in a template, and finds them again in its encoding.
type marks struct {
	used        uint64
	body        []byte
	from, until int
}

func (m *marks) uint64() uint64 {
	m.used++
	return mix(m.used * 0x9e3779b97f4a7c15)
}

// float64 clears the exponent: an encoder may rewrite the bits of a NaN.
func (m *marks) float64() float64 {
	return math.Float64frombits(m.uint64()&^(uint64(0x7ff)<<52) | uint64(0x3ff)<<52)
}

func (m *marks) id() []byte { return binary.BigEndian.AppendUint64(nil, m.uint64()) }

// nextItem tells that the marks looked up from now on belong to the following item of the encoding.
func (m *marks) nextItem() { m.from = m.until }

// find searches inside one item only, which keeps the search linear and does not care for the order of its fields.
func (m *marks) find(pattern []byte) int {
	at := bytes.Index(m.body[m.from:], pattern)
	if at < 0 {
		panic(fmt.Sprintf("template has no % x after byte %d", pattern, m.from))
	}
	at += m.from
	m.until = max(m.until, at+len(pattern))
	return at
}

func (m *marks) findUint64(value uint64) int {
	return m.find(binary.LittleEndian.AppendUint64(nil, value))
}

// findAfter returns the place behind pattern.
func (m *marks) findAfter(pattern []byte) int { return m.find(pattern) + len(pattern) }

// findInt returns the place of an integer attribute's varint, whatever its value: the item decides which one it is.
func (m *marks) findInt(attribute *commonpb.KeyValue) int {
	encoded := encode(attribute)
	return m.find(encoded) + len(encoded) - protowire.SizeVarint(uint64(attribute.Value.GetIntValue()))
}

func encode(message proto.Message) []byte {
	encoded, err := proto.Marshal(message)
	if err != nil {
		panic(err) // only invalid UTF-8, and all strings here are ours or checked
	}
	return encoded
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func integer(key string, value int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
}

func scope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: "mirador.loadgen", Version: "1"}
}

func resource(run, service string) *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		text("service.name", service), text("service.namespace", "shop"), text("service.version", "1.4.2"),
		text("deployment.environment.name", "test"), text("host.name", "loadgen-1"), text("run", run),
		text("telemetry.sdk.name", "opentelemetry"), text("telemetry.sdk.language", "go"), text("telemetry.sdk.version", "1.40.0"),
		text("os.type", "linux"), integer("process.pid", 4242),
	}}
}
