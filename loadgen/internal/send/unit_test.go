package send

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]uint32, 100)
	for i := range hundred {
		hundred[i] = uint32(i+1) * 1000
	}
	for _, c := range []struct {
		values  []uint32
		percent int
		want    float64
	}{{nil, 50, 0}, {[]uint32{1500}, 50, 1.5}, {[]uint32{1500}, 99, 1.5}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 100, 100}, {hundred[:3], 50, 2}} {
		if got := percentile(c.values, c.percent); got != c.want {
			t.Errorf("p%d of %d values: %g, not %g", c.percent, len(c.values), got, c.want)
		}
	}
}

func TestRangesAreJoined(t *testing.T) {
	got := joinRanges([][2]int64{{30, 40}, {0, 10}, {10, 20}})
	if !slices.Equal(got, [][2]int64{{0, 20}, {30, 40}}) {
		t.Error(got)
	}
}

func TestPacerKeepsTheRateAndSlipsAfterAnOutage(t *testing.T) {
	start := time.Unix(1000, 0)
	p := newPacer(load{rate: 1000, batch: 100}, 0)
	p.begin(start, &options{duration: 10 * time.Second})
	for want := range int64(10) {
		number, due, ok := p.claim(start)
		if !ok || number != want || due != start.Add(time.Duration(want)*100*time.Millisecond) {
			t.Fatalf("claim %d: %d at %v, %v", want, number, due, ok)
		}
	}
	// Nobody claimed until second 5: four seconds are given up, one is caught up with.
	if _, due, ok := p.claim(start.Add(6 * time.Second)); !ok || due != start.Add(5*time.Second) || p.slipped != 4*time.Second {
		t.Errorf("due %v, slipped %v", due, p.slipped)
	}
	if _, _, ok := p.claim(start.Add(11 * time.Second)); ok {
		t.Error("a request is due after the end")
	}
}

func TestPacerStopsAtTheCount(t *testing.T) {
	p := newPacer(load{rate: 1000, batch: 100}, 2)
	p.begin(time.Unix(1000, 0), &options{})
	for _, want := range []bool{true, true, false} {
		if _, _, ok := p.claim(time.Unix(1000, 0)); ok != want {
			t.Error("not two requests")
		}
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	good := "-grpc 127.0.0.1:4317 -http http://127.0.0.1:4318 -traces-rate 100"
	for _, change := range []string{
		"-grpc 10.1.2.3:4317", "-grpc 127.0.0.1", "-http http://example.com", "-duration 16m", "-batch-spans 101", "-protocols udp",
		"-run a/b", "-traces-rate 0", "-senders 0", "-timeout 16m", "-samples-rate 1000000", "-count 100000000", "-tls-ca /none", "-skew 31m", "-skew -31m", "stray", "-unknown",
	} {
		if code := Main(strings.Fields(good+" "+change), io.Discard, io.Discard); code != 2 {
			t.Errorf("%s: exit %d", change, code)
		}
	}
	if code := Main([]string{"-h"}, io.Discard, io.Discard); code != 0 {
		t.Error("-h fails")
	}
}
