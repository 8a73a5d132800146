package main

import (
	"encoding/hex"
	"slices"
)

// matcher decides about spans; it compares ids in binary, because looking up one trace passes over all spans.
type matcher struct {
	q        query
	traceIDs map[[16]byte]struct{} // nil: any
	rest     []condition
}

func newMatcher(q query) matcher {
	m := matcher{q: q}
	for _, c := range q.Conditions {
		ids := map[[16]byte]struct{}{}
		for _, value := range c.Values {
			if id, err := hex.DecodeString(value); err == nil && len(id) == 16 {
				ids[[16]byte(id)] = struct{}{}
			}
		}
		if c.Field == "trace_id" && m.traceIDs == nil && len(ids) == len(c.Values) {
			m.traceIDs = ids
		} else {
			m.rest = append(m.rest, c)
		}
	}
	return m
}

func (m *matcher) matches(v *view) (bool, error) {
	if v.entry.end < m.q.From || m.q.To != 0 && v.entry.end > m.q.To {
		return false, nil
	}
	if m.traceIDs != nil {
		if _, wanted := m.traceIDs[v.entry.traceID]; !wanted {
			return false, nil
		}
	}
	for _, c := range m.rest {
		value, err := v.get(c.Field)
		if err != nil {
			return false, err
		}
		if !slices.Contains(c.Values, value) {
			return false, nil
		}
	}
	return true, nil
}

// byEnd is a heap with the oldest span on top.
type byEnd []view

func (h byEnd) Len() int           { return len(h) }
func (h byEnd) Less(i, j int) bool { return h[i].entry.end < h[j].entry.end }
func (h byEnd) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byEnd) Push(v any)        { *h = append(*h, v.(view)) }
func (h *byEnd) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
