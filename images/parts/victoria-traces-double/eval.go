package main

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// source answers queries: the store of this process, or all storages of a group together.
type source interface {
	// rows gives the newest spans that match, newest first: at most limit of them (0: all), and of each the named
	// fields (none: all).
	rows(ctx context.Context, q query, limit int, fields []string) ([]row, error)
	// groups counts the matching spans by the values of some fields.
	groups(ctx context.Context, q query, by []string, stats []statsFunc) ([]group, error)
}

// row is a span as an answer shows it.
type row struct {
	Time   int64
	Fields []field
}

func (r *row) get(name string) string {
	for _, f := range r.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// These bound the memory of one query, which has to fit beside the index in a container of some hundred megabytes.
const (
	maxAnswer     = 16 << 20 // bytes of text
	maxAnswerRows = 200_000
)

var errTooLarge = fmt.Errorf("test double: the answer has more than %d rows or %d MiB; add | limit, | fields or | stats", maxAnswerRows, maxAnswer>>20)

// group is a row of statistics in a form that can be added up over storages.
type group struct {
	By     []string
	Counts []uint64 // one per count()
	Sets   []idSet  // one per count_uniq()
}

func (g *group) add(other group) {
	for i := range g.Counts {
		g.Counts[i] += other.Counts[i]
	}
	for i := range g.Sets {
		for value := range other.Sets[i] {
			g.Sets[i][value] = struct{}{}
		}
	}
}

func newGroup(by []string, stats []statsFunc) group {
	g := group{By: by, Counts: make([]uint64, len(stats)), Sets: make([]idSet, len(stats))}
	for i := range g.Sets {
		g.Sets[i] = idSet{}
	}
	return g
}

// scan calls each for every span that matches, in no order.
func (s *store) scan(ctx context.Context, q query, each func(*view) error) error {
	s.mu.RLock()
	days := make([]day, 0, len(s.days))
	for key, d := range s.days {
		if (q.From == 0 || key >= dayOf(q.From)) && (q.To == 0 || key <= dayOf(q.To)) {
			days = append(days, *d)
		}
	}
	s.mu.RUnlock()
	m := newMatcher(q)
	for d := range days {
		for i := 0; i < days[d].entries.len; i++ {
			if skipped := days[d].entries.skip(i, q); skipped > 0 {
				i += skipped - 1
				continue
			}
			if i%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			v := view{day: &days[d], entry: days[d].entries.at(i)}
			matches, err := m.matches(&v)
			if err != nil {
				return err
			}
			if !matches {
				continue
			}
			if err := each(&v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) rows(ctx context.Context, q query, limit int, fields []string) ([]row, error) {
	newest := &byEnd{}
	err := s.scan(ctx, q, func(v *view) error {
		if limit == 0 && newest.Len() == maxAnswerRows {
			return errTooLarge
		}
		v.details = nil // some millions may match: their details are read when the choice is made
		if limit == 0 || newest.Len() < limit {
			heap.Push(newest, *v)
		} else if v.entry.end > (*newest)[0].entry.end {
			(*newest)[0] = *v
			heap.Fix(newest, 0)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(*newest, func(a, b view) int { return cmp.Compare(b.entry.end, a.entry.end) })
	rows, size := make([]row, 0, newest.Len()), 0
	for _, v := range *newest {
		r, err := v.row(fields)
		if err != nil {
			return nil, err
		}
		for _, f := range r.Fields {
			size += len(f.Name) + len(f.Value)
		}
		if size > maxAnswer {
			return nil, errTooLarge
		}
		rows = append(rows, r)
	}
	return rows, ctx.Err()
}

func (s *store) groups(ctx context.Context, q query, by []string, stats []statsFunc) ([]group, error) {
	all := newGroups(stats)
	values := make([]string, len(by))
	err := s.scan(ctx, q, func(v *view) (err error) {
		for i, name := range by {
			if name == "_time" && q.Step > 0 {
				values[i] = formatTime(v.entry.end - v.entry.end%q.Step)
			} else if values[i], err = v.get(name); err != nil {
				return err
			}
		}
		g := all.of(values)
		for i, f := range stats {
			if f.Name == "count" {
				g.Counts[i]++
				continue
			}
			if f.Name == "count_uniq" && f.Field == "span_id" && v.entry.spanID != [8]byte{} {
				g.Sets[i][binary.BigEndian.Uint64(v.entry.spanID[:])] = struct{}{} // most asked, so it costs no text
				continue
			}
			value, err := v.get(f.Field)
			if err != nil {
				return err
			}
			if f.Name == "digest" {
				g.Counts[i] += hashOf(value)%digestModulus + uint64(v.entry.end)%digestModulus
			} else if value != "" {
				g.Sets[i].add(value)
			}
		}
		return nil
	})
	return all.list, err
}
