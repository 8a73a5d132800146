// Package verify reads back what `send` was promised and counts what is missing and what is there twice.
package verify

import (
	"context"
	"time"
)

// Variables for the tests' sake.
var (
	pollPause = time.Second
	settle    = 3 * time.Second // doubles of a late retry arrive after the counts match
)

// stored is what one store holds of one run.
type stored struct {
	rows, unique int64
	unacked      int64 // unique items of requests that were given up
}

type counter interface {
	count(ctx context.Context, unacked [][2]int64) (stored, error)
}

// Verdict is the answer for one signal.
type Verdict struct {
	Acked  int64 `json:"acked"`
	Stored int64 `json:"stored"`
	Unique int64 `json:"unique"`
	Lost   int64 `json:"lost"`
	Double int64 `json:"double"`
	// Extra is how many more than acknowledged are stored.
	Extra int64 `json:"extra"`
	// UnackedStored are items of given-up requests. Without taking them off they would hide as many lost ones.
	UnackedStored int64  `json:"unackedStored"`
	Error         string `json:"error,omitempty"`
}

func (v Verdict) complete() bool { return v.Lost == 0 && v.Error == "" }

func judge(acked int64, s stored, err error) Verdict {
	if err != nil {
		return Verdict{Acked: acked, Lost: acked, Error: err.Error()}
	}
	return Verdict{
		Acked: acked, Stored: s.rows, Unique: s.unique, Double: s.rows - s.unique,
		Lost: max(0, acked-(s.unique-s.unacked)), Extra: max(0, s.unique-acked), UnackedStored: s.unacked,
	}
}

// check is one signal to look for.
type check struct {
	signal  string
	acked   int64
	unacked [][2]int64
	counter counter
}

// poll asks until everything is there or the time is over, and then once more.
func poll(ctx context.Context, checks []check, wait time.Duration) map[string]Verdict {
	verdicts := map[string]Verdict{}
	deadline := time.Now().Add(wait)
	for {
		began := time.Now()
		complete := true
		for _, c := range checks {
			// A signal that is complete is not counted again and again: an export of a million samples is load.
			if verdict, asked := verdicts[c.signal]; !asked || !verdict.complete() {
				verdicts[c.signal] = c.ask(ctx, deadline)
			}
			complete = complete && verdicts[c.signal].complete()
		}
		rest := max(pollPause, 2*time.Since(began))
		if complete || time.Now().Add(rest).After(deadline) {
			break
		}
		time.Sleep(rest)
	}
	time.Sleep(settle)
	for _, c := range checks {
		verdicts[c.signal] = c.ask(ctx, time.Now())
	}
	return verdicts
}

// Even the last question gets this long.
const leastQueryTime = 30 * time.Second

func (c check) ask(ctx context.Context, deadline time.Time) Verdict {
	ctx, cancel := context.WithTimeout(ctx, max(time.Until(deadline), leastQueryTime))
	defer cancel()
	found, err := c.counter.count(ctx, c.unacked)
	return judge(c.acked, found, err)
}
