package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// query is the part of LogsQL that the checks of Mirador Stack use:
//
//	filters  *  _time:1h  _time:[min, max)  name:="x"  "resource_attr:run":="r1"  trace_id:in("a","b")     joined by AND, which may be left out
//	pipes    | stats [by (f)] count() n, count_uniq(f) u   | limit N   | fields a,b   | uniq by (f)
//
// and what a repair compares groups by:
//
//	| hash(f) as h | math (h % 1000003 + _time % 1000003) as s | stats by (_time:1m) count() n, sum(s) d
type query struct {
	Conditions []condition
	From, To   int64 // nanoseconds, both included; 0: open
	Pipes      []pipe
	Step       int64 // nanoseconds that _time is cut to in stats by (_time:1m); 0: not at all
}

// condition holds when the field has one of the values.
type condition struct {
	Field  string
	Values []string
}

type pipe struct {
	Kind   string // "stats", "limit", "fields", "uniq"
	Limit  int
	Fields []string // of fields, uniq and stats by
	Stats  []statsFunc
}

type statsFunc struct {
	Name  string // "count", "count_uniq", "digest"
	Field string
	As    string
}

var errUnsupported = errors.New("test double: unsupported")

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnsupported, fmt.Sprintf(format, args...))
}

func parseQuery(source string, now time.Time) (query, error) {
	p := parser{now: now}
	if err := p.split(source); err != nil {
		return query{}, err
	}
	var q query
	if p.peek() == "" {
		return q, unsupported("an empty query")
	}
	for p.peek() != "" && p.peek() != "|" {
		if err := p.filter(&q); err != nil {
			return q, err
		}
	}
	for p.take("|") {
		parsed, err := p.pipe(&q)
		if err != nil {
			return q, err
		}
		if parsed.Kind != "" {
			q.Pipes = append(q.Pipes, parsed)
		}
	}
	if len(q.Pipes) == 0 && (p.hashed != "" || p.digested != "") {
		return q, unsupported("hash and math without stats behind them")
	}
	if p.peek() != "" {
		return q, unsupported("%q here", p.peek())
	}
	return q, nil
}

type token struct {
	text   string
	quoted bool
}

type parser struct {
	tokens []token
	at     int
	now    time.Time
	// Names that | hash and | math gave, and the field behind them.
	hashed, digested, telling string
}

const symbols = "|(),:="

func (p *parser) split(source string) error {
	for source = strings.TrimSpace(source); source != ""; source = strings.TrimSpace(source) {
		switch c := source[0]; {
		case c == '"' || c == '`':
			quoted, err := strconv.QuotedPrefix(source)
			if err != nil {
				return unsupported("an open quote in %q", source)
			}
			value, _ := strconv.Unquote(quoted)
			p.tokens = append(p.tokens, token{value, true})
			source = source[len(quoted):]
		case strings.IndexByte(symbols, c) >= 0:
			p.tokens = append(p.tokens, token{source[:1], false})
			source = source[1:]
		default:
			end := strings.IndexAny(source, symbols+" \t\r\n\"`")
			if end < 0 {
				end = len(source)
			}
			p.tokens = append(p.tokens, token{source[:end], false})
			source = source[end:]
		}
	}
	return nil
}

// peek is the next token unless it is quoted, in which case it cannot be a keyword.
func (p *parser) peek() string {
	if p.at >= len(p.tokens) || p.tokens[p.at].quoted {
		if p.at < len(p.tokens) {
			return "\x00quoted"
		}
		return ""
	}
	return p.tokens[p.at].text
}

func (p *parser) take(keyword string) bool {
	if !strings.EqualFold(p.peek(), keyword) {
		return false
	}
	p.at++
	return true
}

// word takes a name or a value.
func (p *parser) word() (string, error) {
	if p.at >= len(p.tokens) {
		return "", unsupported("a query that ends here")
	}
	t := p.tokens[p.at]
	if !t.quoted && strings.ContainsAny(t.text, symbols) {
		return "", unsupported("%q here", t.text)
	}
	p.at++
	return t.text, nil
}

// plain characters that would mean something else in LogsQL than a word.
const operators = "*!{}[]<>~?;"

func (p *parser) filter(q *query) error {
	if p.take("*") || p.take("and") {
		return nil
	}
	quoted := p.peek() == "\x00quoted"
	name, err := p.word()
	if err != nil {
		return err
	}
	if !quoted && strings.ContainsAny(name, operators) {
		return unsupported("the filter %q", name)
	}
	if !p.take(":") {
		return unsupported("a filter without a field: %q", name)
	}
	if name == "_time" {
		return p.timeFilter(q)
	}
	if p.take("in") {
		values, err := p.list()
		q.Conditions = append(q.Conditions, condition{name, values})
		return err
	}
	if !p.take("=") {
		return unsupported(`a filter on %q that is not :="value" or :in("a","b")`, name)
	}
	quoted = p.peek() == "\x00quoted"
	value, err := p.word()
	if err == nil && !quoted && strings.ContainsAny(value, operators) {
		err = unsupported("the value %q", value)
	}
	q.Conditions = append(q.Conditions, condition{name, []string{value}})
	return err
}

func (p *parser) timeFilter(q *query) error {
	if strings.HasPrefix(p.peek(), "[") {
		return p.timeRange(q)
	}
	value, err := p.word()
	if err != nil {
		return err
	}
	duration, err := parseDuration(value)
	if err != nil || duration <= 0 {
		return unsupported("_time:%s; only a duration such as _time:1h", value)
	}
	q.From = max(q.From, p.now.Add(-duration).UnixNano())
	return nil
}

// timeRange takes `[min, max)` with times in RFC 3339, which hold characters that are symbols elsewhere.
func (p *parser) timeRange(q *query) error {
	text := ""
	for ; p.at < len(p.tokens) && !strings.HasSuffix(text, ")"); p.at++ {
		text += p.tokens[p.at].text
	}
	from, to, whole := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "["), ")"), ",")
	first, err := time.Parse(time.RFC3339Nano, from)
	end, errEnd := time.Parse(time.RFC3339Nano, to)
	if !whole || !strings.HasSuffix(text, ")") || err != nil || errEnd != nil {
		return unsupported("_time:%s; only [min, max) in RFC 3339", text)
	}
	q.From, q.To = max(q.From, first.UnixNano()), end.UnixNano()-1
	return nil
}

// list takes `(a, b)`.
func (p *parser) list() ([]string, error) {
	if !p.take("(") {
		return nil, unsupported("a list without (")
	}
	var words []string
	for !p.take(")") {
		word, err := p.word()
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		if !p.take(",") && p.peek() != ")" {
			return nil, unsupported("a list without )")
		}
	}
	return words, nil
}
