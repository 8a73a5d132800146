package payload

import (
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
)

// Every tenth record is an error.
const errorRecordEvery = 10

// Logs is a Batch of log records.
type Logs struct {
	body
	records []recordSlots
}

type recordSlots struct{ at, observed, seq int }

func NewLogs(run string, batchLogs int) *Logs {
	var m marks
	records := make([]*logspb.LogRecord, batchLogs)
	for i := range records {
		records[i] = templateRecord(&m, i)
	}
	l := &Logs{records: make([]recordSlots, batchLogs)}
	// `run` is on the resource alone: VictoriaLogs would store a row with the same field twice.
	l.bytes = encode(&collectorpb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
		Resource: resource(run, "shop-api"), ScopeLogs: []*logspb.ScopeLogs{{Scope: scope(), LogRecords: records}},
	}}})
	m.body = l.bytes
	for i, record := range records {
		m.nextItem()
		l.records[i] = recordSlots{
			at: m.findUint64(record.TimeUnixNano), observed: m.findUint64(record.ObservedTimeUnixNano), seq: m.findInt(record.Attributes[0]),
		}
	}
	return l
}

func templateRecord(m *marks, number int) *logspb.LogRecord {
	record := &logspb.LogRecord{
		TimeUnixNano: m.uint64(), ObservedTimeUnixNano: m.uint64(),
		SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_INFO, SeverityText: "INFO",
		Attributes: []*commonpb.KeyValue{
			integer("seq", SeqBase+int64(number)), text("http.route", "/orders"), text("thread.name", "worker-7"), text("shop.cart.id", "7c1d2a90"),
		},
	}
	message := "order placed for cart 7c1d2a90 in 20 ms, 3 items reserved in warehouse north-2"
	if number%errorRecordEvery == errorRecordEvery-1 {
		record.SeverityNumber, record.SeverityText = logspb.SeverityNumber_SEVERITY_NUMBER_ERROR, "ERROR"
		message = "order refused for cart 7c1d2a90: warehouse north-2 has 0 of 3 items"
	}
	record.Body = text("", message).Value
	return record
}

func (l *Logs) Items() int64           { return int64(len(l.records)) }
func (l *Logs) FirstSeq(k int64) int64 { return SeqBase + k*l.Items() }

func (l *Logs) Patch(k int64, now time.Time) {
	for i, slots := range l.records {
		// One microsecond apart, so that a viewer keeps their order.
		at := now.Add(time.Duration(i-len(l.records)) * time.Microsecond)
		l.putTime(slots.at, at)
		l.putTime(slots.observed, at)
		l.putVarint(slots.seq, l.FirstSeq(k)+int64(i))
	}
}
