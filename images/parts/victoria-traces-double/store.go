package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxPending bounds what waits in memory for the next flush.
const maxPending = 8 << 20

var errReadOnly = errors.New("cannot add rows into storage in read-only mode")

type storeOptions struct {
	path            string
	retention       time.Duration
	futureRetention time.Duration
	flushInterval   time.Duration
	minFreeBytes    int64
	maxUsageBytes   int64 // 0: no limit
}

// store keeps spans on disk. An added span is acknowledged from memory and becomes durable and visible together at the
// next flush, as in the real storage: kill -9 loses at most one flush interval, a graceful stop nothing.
type store struct {
	options storeOptions
	lock    *os.File

	mu       sync.RWMutex
	days     map[string]*day
	pending  map[string][]byte // records by day
	waiting  int               // bytes in pending
	flushing sync.Mutex

	readOnly                     atomic.Bool
	added, tooOld, tooNew, broke atomic.Int64
	stop                         chan struct{}
	stopped                      sync.WaitGroup
}

func openStore(options storeOptions) (*store, error) {
	partitions := filepath.Join(options.path, "partitions")
	if err := os.MkdirAll(partitions, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockFolder(options.path)
	if err != nil {
		return nil, err
	}
	s := &store{options: options, lock: lock, days: map[string]*day{}, pending: map[string][]byte{}, stop: make(chan struct{})}
	folders, err := os.ReadDir(partitions)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if _, err := time.Parse(dayFormat, folder.Name()); err != nil || !folder.IsDir() {
			continue
		}
		if s.days[folder.Name()], err = openDay(filepath.Join(partitions, folder.Name())); err != nil {
			return nil, err
		}
	}
	s.tend()
	s.stopped.Add(2)
	go s.every(options.flushInterval, func() { s.flush() })
	go s.every(time.Second, s.tend)
	return s, nil
}

func lockFolder(path string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(path, "flock.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("cannot acquire lock on %s: another process uses the data folder", lock.Name())
	}
	return lock, nil
}

const dayFormat = "20060102"

func dayOf(nanoseconds int64) string { return time.Unix(0, nanoseconds).UTC().Format(dayFormat) }

func (s *store) every(interval time.Duration, work func()) {
	defer s.stopped.Done()
	for {
		select {
		case <-s.stop:
			return
		case <-time.After(interval):
			work()
		}
	}
}

// add takes all spans or none.
func (s *store) add(_ context.Context, spans []span) error {
	if s.readOnly.Load() {
		return fmt.Errorf("%w; the storage can be in read-only mode because of lack of free disk space at -storageDataPath=%s", errReadOnly, s.options.path)
	}
	now := time.Now()
	oldest, newest := now.Add(-s.options.retention).UnixNano(), now.Add(s.options.futureRetention).UnixNano()
	s.mu.Lock()
	for i := range spans {
		switch row := &spans[i]; {
		case row.end < oldest:
			s.tooOld.Add(1)
		case row.end > newest:
			s.tooNew.Add(1)
		default:
			key := dayOf(row.end)
			before := len(s.pending[key])
			s.pending[key] = appendRecord(s.pending[key], row)
			s.waiting += len(s.pending[key]) - before
			s.added.Add(1)
		}
	}
	full := s.waiting > maxPending
	s.mu.Unlock()
	if full {
		return s.flush()
	}
	return nil
}

// flush writes what waits. Rows that could not be written wait for the next flush; meanwhile nothing new is taken.
func (s *store) flush() error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	batch := s.pending
	s.pending, s.waiting = map[string][]byte{}, 0
	s.mu.Unlock()
	var failure error
	for key, records := range batch {
		if err := s.write(key, records); err != nil {
			failure = err
			s.broke.Add(1)
			slog.Error("cannot write spans; they stay in memory", "day", key, "error", err)
			s.mu.Lock()
			s.pending[key] = append(records, s.pending[key]...)
			s.waiting += len(records)
			s.mu.Unlock()
		}
	}
	if failure != nil {
		s.readOnly.Store(true)
		return fmt.Errorf("%w: %w", errReadOnly, failure)
	}
	return nil
}

func (s *store) write(key string, records []byte) error {
	s.mu.RLock()
	d := s.days[key]
	s.mu.RUnlock()
	if d == nil {
		opened, err := openDay(filepath.Join(s.options.path, "partitions", key))
		if err != nil {
			return err
		}
		d = opened
	}
	if err := d.writeRecords(records); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.days[key] = d
	return d.show(records)
}

// tend drops days that are too old or too many, and sees whether the disk still has room.
func (s *store) tend() {
	oldest := dayOf(time.Now().Add(-s.options.retention).UnixNano())
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	keys, total := s.sortedDays()
	for i, key := range keys {
		tooMuch := s.options.maxUsageBytes > 0 && total > s.options.maxUsageBytes && i < len(keys)-1
		if key >= oldest && !tooMuch {
			continue
		}
		slog.Info("dropping a day", "day", key, "spans", s.days[key].entries.len)
		total -= s.days[key].size
		if err := os.RemoveAll(s.days[key].folder); err != nil {
			slog.Error("cannot drop a day", "day", key, "error", err)
		}
		// A query may still read the file: it is closed when the last one let go of it.
		delete(s.days, key)
	}
	s.mu.Unlock()
	s.readOnly.Store(s.freeBytes() < s.options.minFreeBytes)
}

// sortedDays needs the lock.
func (s *store) sortedDays() (keys []string, bytes int64) {
	for key, d := range s.days {
		keys = append(keys, key)
		bytes += d.size
	}
	slices.Sort(keys)
	return keys, bytes
}

func (s *store) freeBytes() int64 {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.options.path, &disk); err != nil {
		slog.Error("cannot ask for free disk space", "error", err)
		return 0
	}
	return int64(disk.Bavail) * int64(disk.Bsize)
}

func (s *store) close() error {
	close(s.stop)
	s.stopped.Wait()
	err := s.flush()
	for _, d := range s.days {
		d.file.Close()
	}
	s.lock.Close()
	return err
}
