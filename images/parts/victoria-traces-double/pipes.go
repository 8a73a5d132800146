package main

import (
	"strconv"
	"strings"
	"time"
)

func (p *parser) pipe(q *query) (pipe, error) {
	switch {
	case p.take("hash"):
		return pipe{}, p.hash()
	case p.take("math"):
		return pipe{}, p.math()
	case p.take("stats"):
		return p.stats(q)
	case p.take("limit"), p.take("head"):
		word, err := p.word()
		if err != nil {
			return pipe{}, err
		}
		limit, err := strconv.Atoi(word)
		if err != nil || limit < 0 {
			return pipe{}, unsupported("limit %s", word)
		}
		return pipe{Kind: "limit", Limit: limit}, nil
	case p.take("fields"):
		fields, err := p.names()
		return pipe{Kind: "fields", Fields: fields}, err
	case p.take("uniq"):
		p.take("by")
		fields, err := p.list()
		return pipe{Kind: "uniq", Fields: fields}, err
	}
	return pipe{}, unsupported("the pipe %q", p.peek())
}

// hash takes `(f) as h`.
func (p *parser) hash() error {
	fields, err := p.list()
	if err != nil {
		return err
	}
	if len(fields) != 1 || !p.take("as") {
		return unsupported("hash of %d fields, or without `as`", len(fields))
	}
	p.telling = fields[0]
	p.hashed, err = p.word()
	return err
}

// digestModulus keeps sums small enough for the floating point numbers of the real program.
const digestModulus = 1000003

// math takes the one formula that a repair uses.
func (p *parser) math() (err error) {
	for _, expected := range []string{"(", p.hashed, "%", "1000003", "+", "_time", "%", "1000003", ")", "as"} {
		if expected == "" || !p.take(expected) {
			return unsupported("math that is not (h %% 1000003 + _time %% 1000003) as s behind | hash(f) as h")
		}
	}
	p.digested, err = p.word()
	return err
}

// byTime takes `(_time:1m)`.
func (p *parser) byTime(q *query) ([]string, error) {
	p.at += 3 // ( _time :
	word, err := p.word()
	if err != nil {
		return nil, err
	}
	step, err := parseDuration(word)
	if err != nil || step <= 0 || !p.take(")") {
		return nil, unsupported("stats by (_time:%s); only one step, such as _time:1m", word)
	}
	q.Step = int64(step)
	return []string{"_time"}, nil
}

func (p *parser) startsByTime() bool {
	texts := []string{"(", "_time", ":"}
	for i, text := range texts {
		if p.at+i >= len(p.tokens) || p.tokens[p.at+i].text != text {
			return false
		}
	}
	return true
}

func (p *parser) stats(q *query) (pipe, error) {
	stats := pipe{Kind: "stats"}
	var err error
	if p.take("by") {
		if p.startsByTime() {
			stats.Fields, err = p.byTime(q)
		} else {
			stats.Fields, err = p.list()
		}
		if err != nil {
			return stats, err
		}
	}
	for {
		f := statsFunc{}
		if f.Name, err = p.word(); err != nil {
			return stats, err
		}
		f.Name = strings.ToLower(f.Name)
		name := f.Name
		args, err := p.list()
		if err != nil {
			return stats, err
		}
		switch {
		case f.Name == "count" && (len(args) == 0 || args[0] == "*" && len(args) == 1):
		case f.Name == "count_uniq" && len(args) == 1:
			f.Field = args[0]
		case f.Name == "sum" && len(args) == 1 && args[0] == p.digested && p.digested != "":
			f.Name, f.Field = "digest", p.telling
		default:
			return stats, unsupported("the stats function %s(%s)", f.Name, strings.Join(args, ","))
		}
		f.As = name + "(" + strings.Join(args, ",") + ")"
		p.take("as")
		if next := p.peek(); next != "" && next != "," && next != "|" {
			if f.As, err = p.word(); err != nil {
				return stats, err
			}
		}
		stats.Stats = append(stats.Stats, f)
		if !p.take(",") {
			return stats, nil
		}
	}
}

// names takes `a, b`.
func (p *parser) names() ([]string, error) {
	var names []string
	for {
		name, err := p.word()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.take(",") {
			return names, nil
		}
	}
}

var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// parseDuration knows days, weeks and years beside Go's units: 1h30m, 7d, 1.5d.
func parseDuration(text string) (time.Duration, error) {
	total := time.Duration(0)
	for rest := text; ; {
		digits := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if digits <= 0 {
			return 0, unsupported("the duration %q", text)
		}
		number, err := strconv.ParseFloat(rest[:digits], 64)
		rest = rest[digits:]
		letters := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' })
		if letters < 0 {
			letters = len(rest)
		}
		unit, known := units[rest[:letters]]
		if err != nil || !known {
			return 0, unsupported("the duration %q", text)
		}
		total += time.Duration(number * float64(unit))
		if rest = rest[letters:]; rest == "" {
			return total, nil
		}
	}
}
