package main

import (
	"encoding/binary"
	"errors"
)

// encode appends the payload of one record: identity, time, name, resource, details.
func (s *span) encode(to []byte) []byte {
	to = append(to, s.traceID[:]...)
	to = append(to, s.spanID[:]...)
	to = binary.LittleEndian.AppendUint64(to, uint64(s.end))
	to = appendText(to, s.name)
	to = appendFields(to, s.resource)
	return appendFields(to, s.details)
}

var errShort = errors.New("record ends too early")

// decodeHead reads everything but the details and gives back where those start.
func decodeHead(from []byte) (s span, resource, details []byte, err error) {
	if len(from) < 32 {
		return s, nil, nil, errShort
	}
	copy(s.traceID[:], from)
	copy(s.spanID[:], from[16:])
	s.end = int64(binary.LittleEndian.Uint64(from[24:]))
	rest := from[32:]
	if s.name, rest, err = takeText(rest); err != nil {
		return s, nil, nil, err
	}
	resource = rest
	if rest, err = skipFields(rest); err != nil {
		return s, nil, nil, err
	}
	return s, resource[:len(resource)-len(rest)], rest, nil
}

func decode(from []byte) (span, error) {
	s, resource, details, err := decodeHead(from)
	if err != nil {
		return s, err
	}
	if s.resource, _, err = takeFields(resource); err != nil {
		return s, err
	}
	s.details, _, err = takeFields(details)
	return s, err
}

func appendText(to []byte, value string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(value))), value...)
}

func appendFields(to []byte, fields []field) []byte {
	to = binary.AppendUvarint(to, uint64(len(fields)))
	for _, f := range fields {
		to = appendText(appendText(to, f.Name), f.Value)
	}
	return to
}

func takeBytes(from []byte) (value, rest []byte, err error) {
	size, n := binary.Uvarint(from)
	if n <= 0 || size > uint64(len(from)-n) {
		return nil, nil, errShort
	}
	return from[n : n+int(size)], from[n+int(size):], nil
}

func takeText(from []byte) (string, []byte, error) {
	value, rest, err := takeBytes(from)
	return string(value), rest, err
}

func skipFields(from []byte) ([]byte, error) {
	count, n := binary.Uvarint(from)
	if n <= 0 {
		return nil, errShort
	}
	rest, err := from[n:], error(nil)
	for i := uint64(0); i < 2*count && err == nil; i++ {
		_, rest, err = takeBytes(rest)
	}
	return rest, err
}

func takeFields(from []byte) ([]field, []byte, error) {
	count, n := binary.Uvarint(from)
	if n <= 0 || count > uint64(len(from)) {
		return nil, nil, errShort
	}
	fields, rest, err := make([]field, count), from[n:], error(nil)
	for i := range fields {
		if fields[i].Name, rest, err = takeText(rest); err != nil {
			return nil, nil, err
		}
		if fields[i].Value, rest, err = takeText(rest); err != nil {
			return nil, nil, err
		}
	}
	return fields, rest, nil
}
