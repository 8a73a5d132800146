package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func count(t *testing.T, from source) int {
	t.Helper()
	q, err := parseQuery("*", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := from.groups(context.Background(), q, nil, []statsFunc{{Name: "count"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) == 0 {
		return 0
	}
	return int(groups[0].Counts[0])
}

func mustAdd(t *testing.T, s *store, spans []span) {
	t.Helper()
	if err := s.add(context.Background(), spans); err != nil {
		t.Fatal(err)
	}
}

func TestKeepsEverythingOverAGracefulRestart(t *testing.T) {
	path := t.TempDir()
	s := openTestStore(t, path)
	mustAdd(t, s, spansFor(0, 50))
	if err := s.close(); err != nil { // without a flush before
		t.Fatal(err)
	}
	s = openTestStore(t, path)
	if got := count(t, s); got != 100 {
		t.Fatalf("after the restart: %d spans, want 100", got)
	}
	rows, err := s.rows(context.Background(), query{Conditions: []condition{{"span_attr:seq", []string{"7"}}}}, 0, nil)
	if err != nil || len(rows) != 1 || rows[0].get("trace_id") != traceID(7) || rows[0].get(serviceField) != "shop" {
		t.Fatalf("rows %v, error %v", rows, err)
	}
}

func TestShowsSpansOnlyWhenTheyAreOnDisk(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	mustAdd(t, s, spansFor(0, 1))
	if got := count(t, s); got != 0 {
		t.Fatalf("before the flush: %d spans", got)
	}
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s); got != 2 {
		t.Fatalf("after the flush: %d spans, want 2", got)
	}
}

func TestCutsOffATornTailAndGoesOn(t *testing.T) {
	for name, spoil := range map[string]func(file *os.File, size int64) error{
		"half a record":    func(file *os.File, size int64) error { return file.Truncate(size - 5) },
		"half a head":      func(file *os.File, size int64) error { _, err := file.WriteAt([]byte{1, 2, 3}, size); return err },
		"wrong checksum":   func(file *os.File, size int64) error { _, err := file.WriteAt([]byte{0xff}, size-1); return err },
		"zeros at the end": func(file *os.File, size int64) error { return file.Truncate(size + 4096) },
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			s := openTestStore(t, path)
			mustAdd(t, s, spansFor(0, 5))
			s.close()
			files, _ := filepath.Glob(filepath.Join(path, "partitions", "*", spansFile))
			file, err := os.OpenFile(files[0], os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			info, _ := file.Stat()
			if err := spoil(file, info.Size()); err != nil {
				t.Fatal(err)
			}
			s = openTestStore(t, path)
			before := count(t, s)
			if before != 9 && before != 10 {
				t.Fatalf("%d spans survived, want all but the torn one", before)
			}
			mustAdd(t, s, spansFor(5, 1))
			s.close()
			if got := count(t, openTestStore(t, path)); got != before+2 {
				t.Fatalf("after writing behind the cut: %d spans, want %d", got, before+2)
			}
		})
	}
}

func TestDropsSpansOutsideOfRetentionAndWholeOldDays(t *testing.T) {
	path := t.TempDir()
	s := openTestStore(t, path)
	for _, end := range []time.Time{time.Now(), time.Now().Add(-6 * 24 * time.Hour), time.Now().Add(-8 * 24 * time.Hour), time.Now().Add(72 * time.Hour)} {
		mustAdd(t, s, spansOf(traceData("r1", 0, 1, end)))
	}
	s.flush()
	if got := count(t, s); got != 4 {
		t.Fatalf("%d spans, want those of two of four times", got)
	}
	if s.tooOld.Load() != 2 || s.tooNew.Load() != 2 {
		t.Fatalf("too old %d, too new %d", s.tooOld.Load(), s.tooNew.Load())
	}
	s.options.retention = 24 * time.Hour
	s.tend()
	folders, _ := os.ReadDir(filepath.Join(path, "partitions"))
	if got := count(t, s); got != 2 || len(folders) != 1 {
		t.Fatalf("%d spans in %d folders, want the day of today alone", got, len(folders))
	}
}

func TestDropsTheOldestDayWhenThereIsTooMuchData(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	for days := range 3 {
		mustAdd(t, s, spansOf(traceData("r1", days, 1, time.Now().Add(-time.Duration(days)*24*time.Hour))))
	}
	s.flush()
	s.options.maxUsageBytes = 1
	s.tend()
	if got := count(t, s); got != 2 {
		t.Fatalf("%d spans, want the newest day to stay", got)
	}
}

func TestRefusesWhenTheDiskIsNearlyFull(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	s.options.minFreeBytes = 1 << 62
	s.tend()
	if err := s.add(context.Background(), spansFor(0, 1)); !errors.Is(err, errReadOnly) {
		t.Fatalf("got %v", err)
	}
	s.options.minFreeBytes = 0
	s.tend()
	mustAdd(t, s, spansFor(0, 1))
}

func TestRefusesADataFolderInUse(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	if other, err := openStore(s.options); err == nil {
		other.close()
		t.Fatal("two processes on one folder")
	}
}

// Enough spans for some chunks, of which whole ones lie outside of the time that is asked for.
func TestFindsSpansByTimeAmongMany(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	now := time.Now()
	for i, age := range []time.Duration{3 * time.Hour, 2 * time.Hour, time.Minute, 2 * time.Hour} {
		mustAdd(t, s, spansOf(traceData("r1", i*chunkSize, chunkSize, now.Add(-age))))
	}
	s.flush()
	for text, want := range map[string]int{"*": 8 * chunkSize, "_time:1s": 0, "_time:1h": 2 * chunkSize, "_time:150m": 6 * chunkSize} {
		q, _ := parseQuery(text, now)
		got := 0
		if err := s.scan(context.Background(), q, func(*view) error { got++; return nil }); err != nil || got != want {
			t.Errorf("%s: %d spans, %v; want %d", text, got, err, want)
		}
	}
}

func TestSnapshotHoldsWhatWasThereAndOpensAsAStore(t *testing.T) {
	path := t.TempDir()
	s := openTestStore(t, path)
	mustAdd(t, s, spansFor(0, 50)) // without a flush before
	paths, err := s.snapshot()
	if err != nil || len(paths) == 0 {
		t.Fatalf("%v, error %v", paths, err)
	}
	mustAdd(t, s, spansFor(50, 60))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	restored := t.TempDir()
	for _, from := range paths {
		key := filepath.Base(filepath.Dir(filepath.Dir(from)))
		if err := os.CopyFS(filepath.Join(restored, "partitions", key), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, openTestStore(t, restored)); got != 100 {
		t.Fatalf("in the snapshot: %d spans, want 100", got)
	}
	for _, bad := range []string{path, filepath.Join(path, "partitions", "20260101"), filepath.Join(paths[0], "..", "..")} {
		if err := s.deleteSnapshot(bad); err == nil {
			t.Fatalf("%s was taken for a snapshot", bad)
		}
	}
	if err := s.deleteSnapshot(paths[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(paths[0]); !os.IsNotExist(err) {
		t.Fatal("the snapshot is still there")
	}
}
