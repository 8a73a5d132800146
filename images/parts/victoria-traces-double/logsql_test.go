package main

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestParsesTheQueriesOfTheChecks(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	stats := func(fs ...statsFunc) []pipe { return []pipe{{Kind: "stats", Stats: fs}} }
	is := func(field string, values ...string) []condition { return []condition{{field, values}} }
	for source, want := range map[string]query{
		`*`:                                {},
		`_time:1s | stats count()x`:        {From: now.Add(-time.Second).UnixNano(), Pipes: stats(statsFunc{"count", "", "x"})},
		`_time:1h|stats count() n`:         {From: now.Add(-time.Hour).UnixNano(), Pipes: stats(statsFunc{"count", "", "n"})},
		`* | stats count(*) as n`:          {Pipes: stats(statsFunc{"count", "", "n"})},
		`* | stats count()`:                {Pipes: stats(statsFunc{"count", "", "count()"})},
		`name:="GET /"`:                    {Conditions: is("name", "GET /")},
		`name:=query`:                      {Conditions: is("name", "query")},
		`trace_id:in("a", b)`:              {Conditions: is("trace_id", "a", "b")},
		`trace_id:="a" and name:="b"`:      {Conditions: []condition{{"trace_id", []string{"a"}}, {"name", []string{"b"}}}},
		`* | fields a, "b:c" | limit 5`:    {Pipes: []pipe{{Kind: "fields", Fields: []string{"a", "b:c"}}, {Kind: "limit", Limit: 5}}},
		`* | uniq by (trace_id) | limit 2`: {Pipes: []pipe{{Kind: "uniq", Fields: []string{"trace_id"}}, {Kind: "limit", Limit: 2}}},
		`"resource_attr:run":="r1" | stats count() n, count_uniq(span_id) u`: {
			Conditions: is("resource_attr:run", "r1"),
			Pipes:      stats(statsFunc{"count", "", "n"}, statsFunc{"count_uniq", "span_id", "u"}),
		},
		`"resource_attr:run":="r1" | stats by (name) count() n`: {
			Conditions: is("resource_attr:run", "r1"),
			Pipes:      []pipe{{Kind: "stats", Fields: []string{"name"}, Stats: []statsFunc{{"count", "", "n"}}}},
		},
	} {
		got, err := parseQuery(source, now)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", source, got, err, want)
		}
	}
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, source := range []string{
		``, `|`, `error`, `name:foo`, `name:~"x.*"`, `!name:="x"`, `name:="x" or name:="y"`, `{service="x"}`, `(name:="x")`,
		`name:=x*`, `_time:[1,2]`, `_time:x`, `_time:-1h`, `* | sort by (_time)`, `* | stats sum(x) y`, `* | stats count_uniq(a,b) n`,
		`* | limit x`, `* | uniq by name`, `name:="open`, `* |`, `* | stats by count()`, `trace_id:in("a"`,
		`_time:[2026-01-01T00:00:00Z, 2026-01-02T00:00:00Z]`, `_time:[2026-01-01T00:00:00Z, `, `* | hash(a) as h`, `* | hash(a,b) as h`,
		`* | math (h % 1000003 + _time % 1000003) as s | stats sum(s) d`, `* | hash(a) as h | math (h + 1) as s | stats sum(s) d`,
		`* | stats by (_time:x) count() n`, `* | stats by (_time:1m, name) count() n`,
	} {
		if q, err := parseQuery(source, time.Now()); !errors.Is(err, errUnsupported) {
			t.Errorf("%q: got %+v, %v", source, q, err)
		}
	}
}

func TestParsesDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1s": time.Second, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "1.5d": 36 * time.Hour, "250ms": 250 * time.Millisecond,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "h", "1x", "-1h", "1h2"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q gave %s", text, got)
		}
	}
}
