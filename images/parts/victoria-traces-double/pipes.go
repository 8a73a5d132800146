package main

import (
	"strconv"
	"strings"
	"time"
)

func (p *parser) pipe() (pipe, error) {
	switch {
	case p.take("stats"):
		return p.stats()
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

func (p *parser) stats() (pipe, error) {
	stats := pipe{Kind: "stats"}
	var err error
	if p.take("by") {
		if stats.Fields, err = p.list(); err != nil {
			return stats, err
		}
	}
	for {
		f := statsFunc{}
		if f.Name, err = p.word(); err != nil {
			return stats, err
		}
		f.Name = strings.ToLower(f.Name)
		args, err := p.list()
		if err != nil {
			return stats, err
		}
		switch {
		case f.Name == "count" && (len(args) == 0 || args[0] == "*" && len(args) == 1):
		case f.Name == "count_uniq" && len(args) == 1:
			f.Field = args[0]
		default:
			return stats, unsupported("the stats function %s(%s)", f.Name, strings.Join(args, ","))
		}
		f.As = f.Name + "(" + strings.Join(args, ",") + ")"
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
