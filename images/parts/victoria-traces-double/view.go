package main

import (
	"encoding/hex"
	"fmt"
	"time"
)

// view is one indexed span. It goes to the disk only for a field that the index does not know.
type view struct {
	day     *day // a copy: its slices do not grow under the reader
	entry   *entry
	details *span
}

func (v *view) load() (*span, error) {
	if v.details != nil {
		return v.details, nil
	}
	payload := make([]byte, v.entry.size)
	if _, err := v.day.file.ReadAt(payload, v.entry.offset); err != nil {
		return nil, fmt.Errorf("cannot read a span from %s: %w", v.day.file.Name(), err)
	}
	s, err := decode(payload)
	v.details = &s
	return &s, err
}

const resourcePrefix = "resource_attr:"

func (v *view) get(name string) (string, error) {
	switch {
	case name == "name":
		return v.day.names.values[v.entry.name], nil
	case name == "trace_id" && v.entry.traceID != [16]byte{}:
		return hex.EncodeToString(v.entry.traceID[:]), nil
	case name == "span_id" && v.entry.spanID != [8]byte{}:
		return hex.EncodeToString(v.entry.spanID[:]), nil
	case name == "_time":
		return formatTime(v.entry.end), nil
	case len(name) > len(resourcePrefix) && name[:len(resourcePrefix)] == resourcePrefix:
		for _, f := range v.day.resources.values[v.entry.resource] {
			if f.Name == name {
				return f.Value, nil
			}
		}
		return "", nil
	}
	s, err := v.load()
	if err != nil {
		return "", err
	}
	return s.get(name), nil
}

func formatTime(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339Nano)
}

func (v *view) row(names []string) (row, error) {
	r := row{Time: v.entry.end}
	if len(names) == 0 {
		s, err := v.load()
		if err != nil {
			return r, err
		}
		r.Fields = append(r.Fields, field{"name", s.name})
		r.Fields = append(append(r.Fields, s.resource...), s.details...)
		return r, nil
	}
	for _, name := range names {
		value, err := v.get(name)
		if err != nil {
			return r, err
		}
		r.Fields = append(r.Fields, field{name, value})
	}
	return r, nil
}
