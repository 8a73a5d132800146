package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

const (
	spansFile  = "spans.log"
	recordHead = 8 // length and checksum, four bytes each
	maxRecord  = 64 << 20
)

// entry is what memory keeps of a stored span: 56 bytes, so that some million fit a small container.
type entry struct {
	traceID  [16]byte
	spanID   [8]byte
	end      int64
	offset   int64 // of the payload in the day's file
	size     uint32
	resource uint32
	name     uint32
}

const chunkSize = 1 << 14

// entryList grows without copying: doubling one slice of 100 MB would need twice that for a moment. A copy of the struct
// is a stable view, because the writer touches only what lies behind its end.
type entryList struct {
	chunks []*chunk
	len    int
}

type chunk struct {
	entries  [chunkSize]entry
	min, max int64 // of end
}

func (l *entryList) add(e entry) {
	if l.len == len(l.chunks)*chunkSize {
		l.chunks = append(l.chunks, &chunk{min: e.end, max: e.end})
	}
	last := l.chunks[len(l.chunks)-1]
	last.entries[l.len%chunkSize] = e
	last.min, last.max = min(last.min, e.end), max(last.max, e.end)
	l.len++
}

func (l *entryList) at(i int) *entry { return &l.chunks[i/chunkSize].entries[i%chunkSize] }

// skip says how many entries from i on lie outside of the time without a look at each. Only a full chunk can tell: the
// writer still changes the bounds of the last one.
func (l *entryList) skip(i int, q query) int {
	at := i / chunkSize
	if i%chunkSize != 0 || (at+1)*chunkSize > l.len {
		return 0
	}
	if c := l.chunks[at]; c.max < q.From || q.To != 0 && c.min > q.To {
		return chunkSize
	}
	return 0
}

// day is one UTC day: a folder with one append-only file, and its index. Entries and dictionaries only ever grow, so a
// reader may keep their slice headers while the writer goes on.
type day struct {
	folder    string
	file      *os.File
	size      int64
	entries   entryList
	resources dictionary[[]field]
	names     dictionary[string]
}

// dictionary gives equal values one small number.
type dictionary[V any] struct {
	values []V
	ids    map[string]uint32
}

func (d *dictionary[V]) id(key []byte, value func() V) uint32 {
	if id, ok := d.ids[string(key)]; ok {
		return id
	}
	if d.ids == nil {
		d.ids = map[string]uint32{}
	}
	id := uint32(len(d.values))
	d.values = append(d.values, value())
	d.ids[string(key)] = id
	return id
}

// openDay reads the index back. A tail that a crash cut off is removed; everything before it is kept.
func openDay(folder string) (*day, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(folder, spansFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	d := &day{folder: folder, file: file}
	if err := d.load(); err != nil {
		return nil, fmt.Errorf("cannot load %s: %w", file.Name(), err)
	}
	return d, nil
}

func (d *day) load() error {
	in := bufio.NewReaderSize(d.file, 1<<20)
	var head [recordHead]byte
	var payload []byte
	for {
		_, err := io.ReadFull(in, head[:])
		if err == io.EOF {
			return nil
		}
		size := binary.LittleEndian.Uint32(head[:])
		if err == nil && size <= maxRecord {
			if cap(payload) < int(size) {
				payload = make([]byte, size)
			}
			payload = payload[:size]
			_, err = io.ReadFull(in, payload)
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		whole := err == nil && size <= maxRecord && crc32.ChecksumIEEE(payload) == binary.LittleEndian.Uint32(head[4:])
		if whole {
			whole = d.remember(payload, d.size+recordHead) == nil
		}
		if !whole {
			slog.Warn("cutting off a torn tail", "file", d.file.Name(), "keptBytes", d.size)
			return d.file.Truncate(d.size)
		}
		d.size += recordHead + int64(size)
	}
}

func (d *day) remember(payload []byte, offset int64) error {
	s, resource, _, err := decodeHead(payload)
	if err != nil {
		return err
	}
	d.entries.add(entry{
		traceID: s.traceID, spanID: s.spanID, end: s.end, offset: offset, size: uint32(len(payload)),
		resource: d.resources.id(resource, func() []field {
			fields, _, _ := takeFields(resource)
			return fields
		}),
		name: d.names.id([]byte(s.name), func() string { return s.name }),
	})
	return nil
}

// writeRecords puts framed records behind the last shown one and syncs them; after a failure they can be written again.
func (d *day) writeRecords(records []byte) error {
	if _, err := d.file.WriteAt(records, d.size); err != nil {
		return err
	}
	return d.file.Sync()
}

// show makes written records visible: what a query has seen survives a crash.
func (d *day) show(records []byte) error {
	for at := 0; at < len(records); {
		size := int(binary.LittleEndian.Uint32(records[at:]))
		at += recordHead
		if err := d.remember(records[at:at+size], d.size+int64(at)); err != nil {
			return err
		}
		at += size
	}
	d.size += int64(len(records))
	return nil
}

// appendRecord frames one span.
func appendRecord(to []byte, s *span) []byte {
	start := len(to)
	to = append(to, make([]byte, recordHead)...)
	to = s.encode(to)
	payload := to[start+recordHead:]
	binary.LittleEndian.PutUint32(to[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(to[start+4:], crc32.ChecksumIEEE(payload))
	return to
}
