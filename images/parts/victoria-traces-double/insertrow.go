package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// insertProtocol is the version of the protocol by which insert roles hand rows to storages.
const insertProtocol = "v1"

const message = "-" // the _msg of every span

// appendInsertRow encodes a span as VictoriaTraces 0.1 does between its roles: tenant, tags of the stream, time, fields.
func appendInsertRow(to []byte, s *span) []byte {
	to = append(to, make([]byte, 8)...) // tenant 0:0
	to = appendText(to, string(appendFields(nil, s.streamTags())))
	to = binary.BigEndian.AppendUint64(to, uint64(s.end))
	fields := append(append([]field{{"name", s.name}}, s.resource...), s.details...)
	return appendFields(to, append(fields, field{"", message}))
}

// streamTags are sorted by name, and none is empty.
func (s *span) streamTags() []field {
	return withoutEmpty([]field{{"name", s.name}, {serviceName, s.get(serviceName)}})
}

const serviceName = "resource_attr:service.name"

// splitInsertRows takes rows apart again. A stream that this double would not give the span is refused: it could not be
// shown as it was sent.
func splitInsertRows(rows []byte) ([]span, error) {
	var spans []span
	for len(rows) > 0 {
		if len(rows) < 8 {
			return nil, errShort
		}
		tenant := binary.BigEndian.Uint64(rows)
		tags, rest, err := takeText(rows[8:])
		if err != nil || len(rest) < 8 {
			return nil, errShort
		}
		end := int64(binary.BigEndian.Uint64(rest))
		fields, rest, err := takeFields(rest[8:])
		if err != nil {
			return nil, err
		}
		s := spanOfRow(end, fields)
		if want := string(appendFields(nil, s.streamTags())); tenant != 0 || tags != want {
			return nil, unsupported("a span of tenant %d with the stream %q; want 0 and %q", tenant, tags, want)
		}
		spans, rows = append(spans, s), rest
	}
	return spans, nil
}

func spanOfRow(end int64, fields []field) span {
	s := span{end: end}
	for _, f := range withoutEmpty(fields) {
		switch {
		case f.Name == "" && f.Value == message:
		case f.Name == "name":
			s.name = f.Value
		case strings.HasPrefix(f.Name, resourcePrefix):
			s.resource = append(s.resource, f)
		default:
			s.details = append(s.details, f)
		}
	}
	copyID(s.traceID[:], s.get("trace_id"))
	copyID(s.spanID[:], s.get("span_id"))
	return s
}

// copyID does what flatten does with the bytes.
func copyID(to []byte, text string) {
	if id, err := hex.DecodeString(text); err == nil {
		copy(to, id)
	}
}

func checkInsertProtocol(version string) error {
	if version != insertProtocol {
		return fmt.Errorf("unsupported protocol version=%q; want %q", version, insertProtocol)
	}
	return nil
}
