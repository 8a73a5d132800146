package send

import (
	"sync"
	"time"
)

// After an outage a sender may catch up this much; more would turn the measured rate into a burst.
const catchUp = time.Second

// pacer numbers the requests of one signal and says when each is due.
type pacer struct {
	mutex    sync.Mutex
	interval time.Duration
	next     time.Time
	end      time.Time // zero: limit decides
	limit    int64     // zero: end decides
	issued   int64
	slipped  time.Duration
}

func newPacer(l load, limit int64) *pacer {
	return &pacer{interval: time.Duration(float64(l.batch) / l.rate * float64(time.Second)), limit: limit}
}

func (p *pacer) begin(start time.Time, o *options) {
	p.next = start
	if p.limit == 0 {
		p.end = start.Add(o.duration)
	}
}

func (p *pacer) claim(now time.Time) (number int64, due time.Time, ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if earliest := now.Add(-catchUp); p.next.Before(earliest) {
		p.slipped += earliest.Sub(p.next)
		p.next = earliest
	}
	if p.limit > 0 && p.issued == p.limit || !p.end.IsZero() && (!p.next.Before(p.end) || now.After(p.end)) {
		return 0, time.Time{}, false
	}
	number, due = p.issued, p.next
	p.issued++
	p.next = p.next.Add(p.interval)
	return number, due, true
}
