package send

import (
	"slices"
	"sync"
	"time"

	"mirador.local/loadgen/internal/payload"
	"mirador.local/loadgen/internal/report"
)

// tally collects the fate of the requests of one signal.
type tally struct {
	mutex      sync.Mutex
	total      *counter
	byProtocol map[string]*counter
	unacked    [][2]int64
	traces     *report.Traces
}

// counter is report.Stats in the making.
type counter struct {
	stats     report.Stats
	latencies []uint32 // microseconds
	started   time.Time
	first     time.Time
	last      time.Time
}

func newTally() *tally { return &tally{total: newCounter(), byProtocol: map[string]*counter{}} }

func newCounter() *counter { return &counter{stats: report.Stats{Refused: map[string]int64{}}} }

// both runs count for the signal and for its protocol.
func (t *tally) both(protocol string, count func(*counter)) {
	if t.byProtocol[protocol] == nil {
		t.byProtocol[protocol] = newCounter()
	}
	count(t.total)
	count(t.byProtocol[protocol])
}

func (t *tally) sent(protocol string, items int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.both(protocol, func(c *counter) { c.stats.SentRequests++; c.stats.SentItems += items })
}

func (t *tally) refused(protocol, status string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.both(protocol, func(c *counter) { c.stats.Refused[status]++ })
}

func (t *tally) retried(protocol string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.both(protocol, func(c *counter) { c.stats.Retries++ })
}

func (t *tally) acked(protocol string, batch payload.Batch, number, rejected int64, began, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.both(protocol, func(c *counter) { c.ack(batch.Items()-rejected, rejected, began, now) })
	if spans, ok := batch.(*payload.Spans); ok {
		if t.traces == nil {
			t.traces = &report.Traces{}
		}
		t.traces.Acked += spans.Items() / payload.SpansPerTrace
		t.traces.Error += spans.ErrorTraces(number)
	}
}

func (c *counter) ack(items, rejected int64, began, now time.Time) {
	c.stats.AckedRequests++
	c.stats.AckedItems += items
	c.stats.RejectedItems += rejected
	c.latencies = append(c.latencies, uint32(now.Sub(began).Microseconds()))
	if c.first.IsZero() {
		c.first = now
	} else {
		c.stats.LongestGapMs = max(c.stats.LongestGapMs, milliseconds(now.Sub(c.last)))
	}
	c.last = now
}

func (t *tally) failed(protocol string, batch payload.Batch, number int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.both(protocol, func(c *counter) { c.stats.FailedRequests++; c.stats.FailedItems += batch.Items() })
	t.unacked = append(t.unacked, [2]int64{batch.FirstSeq(number), batch.FirstSeq(number + 1)})
}

// progress returns acknowledged and given up items.
func (t *tally) progress() (acked, failed int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.total.stats.AckedItems, t.total.stats.FailedItems
}

func (t *tally) report(batchItems int64, slipped time.Duration) *report.Signal {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	result := &report.Signal{
		Stats: t.total.finish(), BatchItems: batchItems, SlippedMs: milliseconds(slipped),
		Unacked: joinRanges(t.unacked), Traces: t.traces, ByProtocol: map[string]*report.Stats{},
	}
	for protocol, c := range t.byProtocol {
		stats := c.finish()
		result.ByProtocol[protocol] = &stats
	}
	return result
}

func (c *counter) finish() report.Stats {
	slices.Sort(c.latencies)
	c.stats.LatencyMs = report.Latency{P50: percentile(c.latencies, 50), P99: percentile(c.latencies, 99), Max: percentile(c.latencies, 100)}
	if !c.first.IsZero() {
		c.stats.FirstAck, c.stats.LastAck = &c.first, &c.last
	}
	return c.stats
}

// percentile is the nearest rank, in milliseconds, of sorted microseconds.
func percentile(sorted []uint32, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	return float64(sorted[max(rank, 1)-1]) / 1000
}

func joinRanges(ranges [][2]int64) [][2]int64 {
	slices.SortFunc(ranges, func(a, b [2]int64) int { return int(a[0] - b[0]) })
	joined := [][2]int64{}
	for _, r := range ranges {
		if last := len(joined) - 1; last >= 0 && joined[last][1] == r[0] {
			joined[last][1] = r[1]
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
