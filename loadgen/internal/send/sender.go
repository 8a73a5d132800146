package send

import (
	"context"
	"errors"
	"time"

	"mirador.local/loadgen/internal/payload"
)

// sender offers the requests that it claims, one after the other.
type sender struct {
	options   *options
	signal    signal
	batch     payload.Batch
	pacer     *pacer
	tally     *tally
	exporters map[string]exporter
}

func newSender(o *options, l load, p *pacer, t *tally) (*sender, error) {
	s := &sender{options: o, signal: l.signal, batch: l.encode(), pacer: p, tally: t, exporters: map[string]exporter{}}
	var problems [2]error
	if o.uses("grpc") {
		s.exporters["grpc"], problems[0] = newGRPCExporter(o)
	}
	if o.uses("http") {
		s.exporters["http"], problems[1] = newHTTPExporter(o)
	}
	return s, errors.Join(problems[:]...)
}

// run ends when the pacer does, or when offering is cancelled; a request on its way is finished unless all is cancelled.
func (s *sender) run(all, offering context.Context) {
	defer func() {
		for _, e := range s.exporters {
			e.close()
		}
	}()
	for {
		number, due, ok := s.pacer.claim(time.Now())
		if !ok || !sleep(offering, time.Until(due)) {
			return
		}
		s.deliver(all, number)
	}
}

func (s *sender) protocol(number int64) string {
	if s.options.protocols != "mixed" {
		return s.options.protocols
	}
	if number%2 == 0 {
		return "grpc"
	}
	return "http"
}

func (s *sender) deliver(ctx context.Context, number int64) {
	began, protocol := time.Now(), s.protocol(number)
	s.batch.Patch(number, began.Add(s.options.skew))
	s.tally.sent(protocol, s.batch.Items())
	wait := newRetryTimer(began, s.options.retryFor)
	for clean := true; ; clean = false {
		result := s.try(ctx, protocol)
		if result.accepted() {
			s.tally.acked(protocol, s.batch, number, result.rejected, began, time.Now())
			if !clean {
				s.batch.Detach()
			}
			return
		}
		s.tally.refused(protocol, result.status)
		if !s.options.retries || !result.retryable || !wait.pause(ctx, result.wait) {
			s.tally.failed(protocol, s.batch, number)
			// An abandoned try may still be read by the transport.
			s.batch.Detach()
			return
		}
		s.tally.retried(protocol)
	}
}

func (s *sender) try(ctx context.Context, protocol string) answer {
	attempt, cancel := context.WithTimeout(ctx, s.options.timeout)
	defer cancel()
	return s.exporters[protocol].export(attempt, s.signal, s.batch.Bytes())
}
