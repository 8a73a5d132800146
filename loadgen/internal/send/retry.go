package send

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstBackoff   = 500 * time.Millisecond
	longestBackoff = 5 * time.Second
)

// retryTimer waits 500 ms at first and 5 s at most, each time between half and one and a half of it.
type retryTimer struct {
	next     time.Duration
	giveUpAt time.Time
}

func newRetryTimer(now time.Time, retryFor time.Duration) *retryTimer {
	return &retryTimer{next: firstBackoff, giveUpAt: now.Add(retryFor)}
}

// pause returns false when the request must be given up.
func (r *retryTimer) pause(ctx context.Context, asked time.Duration) bool {
	wait := max(asked, r.next/2+rand.N(r.next))
	r.next = min(r.next*3/2, longestBackoff)
	if time.Now().Add(wait).After(r.giveUpAt) {
		return false
	}
	return sleep(ctx, wait)
}

func sleep(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
