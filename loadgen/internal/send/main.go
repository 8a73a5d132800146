package send

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	ossignal "os/signal"
	"sync"
	"syscall"
	"time"

	"mirador.local/loadgen/internal/report"
)

// Main returns 0 whatever the servers answered: the report tells. 2 is wrong use, 1 a report that could not be written.
func Main(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	// The first interrupt stops offering, so that a test can end a run early and still get its report; the second gives up.
	all, stopAll := context.WithCancel(context.Background())
	defer stopAll()
	offering, stopOffering := context.WithCancel(all)
	defer stopOffering()
	interrupts := make(chan os.Signal, 2)
	ossignal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer ossignal.Stop(interrupts)
	go func() {
		<-interrupts
		stopOffering()
		<-interrupts
		stopAll()
	}()
	result, err := run(all, offering, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if err := report.Write(o.report, stdout, result); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// lane is one signal with everything that works for it.
type lane struct {
	load    load
	pacer   *pacer
	tally   *tally
	senders []*sender
}

func run(all, offering context.Context, o *options, stderr io.Writer) (*report.Report, error) {
	lanes, err := buildLanes(o)
	if err != nil {
		return nil, err
	}
	cpuBefore, started := cpuSeconds(), time.Now()
	var running sync.WaitGroup
	for _, l := range lanes {
		l.pacer.begin(started, o)
		for _, s := range l.senders {
			running.Go(func() { s.run(all, offering) })
		}
	}
	stopProgress := startProgress(o, lanes, started, stderr)
	running.Wait()
	stopProgress()

	ended := time.Now()
	result := &report.Report{
		Run: o.run, Started: started, Ended: ended, DurationSeconds: ended.Sub(started).Seconds(),
		Protocols: o.protocols, Senders: o.senders, CPUSeconds: cpuSeconds() - cpuBefore, Signals: map[string]*report.Signal{},
	}
	for _, l := range lanes {
		result.Signals[l.load.signal.name] = l.tally.report(int64(l.load.batch), l.pacer.slipped)
	}
	return result, nil
}

// buildLanes encodes every template, which takes longer than many intervals: the clock starts after it.
func buildLanes(o *options) ([]*lane, error) {
	var lanes []*lane
	for _, l := range o.loads() {
		built := &lane{load: l, pacer: newPacer(l, o.count), tally: newTally()}
		for range o.senders {
			s, err := newSender(o, l, built.pacer, built.tally)
			if err != nil {
				return nil, err
			}
			built.senders = append(built.senders, s)
		}
		lanes = append(lanes, built)
	}
	return lanes, nil
}

func startProgress(o *options, lanes []*lane, started time.Time, stderr io.Writer) (stop func()) {
	if !o.progress {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				line := fmt.Sprintf("%3.0f s", now.Sub(started).Seconds())
				for _, l := range lanes {
					acked, failed := l.tally.progress()
					line += fmt.Sprintf("   %s %d acked %d failed", l.load.signal.name, acked, failed)
				}
				fmt.Fprintln(stderr, line)
			}
		}
	}()
	return func() { close(done) }
}

// cpuSeconds is what this process used, so that a benchmark can leave it out.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
