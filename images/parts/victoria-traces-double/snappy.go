package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errSnappy = errors.New("cannot read snappy: the data is corrupt")

// unsnap reads snappy's block format, which is what a collector sends under `compression: snappy`.
func unsnap(from []byte, maxBytes int64) ([]byte, error) {
	size, n := binary.Uvarint(from)
	if n <= 0 {
		return nil, errSnappy
	}
	if size > uint64(maxBytes) {
		return nil, fmt.Errorf("the request is larger than -opentelemetry.traces.maxRequestSize=%d bytes", maxBytes)
	}
	from = from[n:]
	// The length is only the sender's word: memory grows with what is there.
	to := make([]byte, 0, min(size, uint64(64*len(from))))
	for len(from) > 0 {
		var err error
		if from[0]&3 == 0 {
			to, from, err = literal(to, from)
		} else {
			to, from, err = backReference(to, from)
		}
		if err != nil || uint64(len(to)) > size {
			return nil, errSnappy
		}
	}
	if uint64(len(to)) != size {
		return nil, errSnappy
	}
	return to, nil
}

func literal(to, from []byte) ([]byte, []byte, error) {
	length := int(from[0] >> 2)
	from = from[1:]
	if extra := length - 59; extra > 0 { // 60 to 63: the length stands in the next one to four bytes
		if len(from) < extra {
			return nil, nil, errSnappy
		}
		length = 0
		for i := range extra {
			length |= int(from[i]) << (8 * i)
		}
		from = from[extra:]
	}
	length++
	if length > len(from) {
		return nil, nil, errSnappy
	}
	return append(to, from[:length]...), from[length:], nil
}

func backReference(to, from []byte) ([]byte, []byte, error) {
	tag := int(from[0])
	width := [...]int{1: 2, 2: 3, 3: 5}[tag&3]
	if len(from) < width {
		return nil, nil, errSnappy
	}
	length, offset := 1+tag>>2, 0
	switch width {
	case 2:
		length, offset = 4+tag>>2&7, tag>>5<<8|int(from[1])
	case 3:
		offset = int(binary.LittleEndian.Uint16(from[1:]))
	case 5:
		offset = int(binary.LittleEndian.Uint32(from[1:]))
	}
	if offset == 0 || offset > len(to) {
		return nil, nil, errSnappy
	}
	for range length { // byte by byte: source and target may overlap
		to = append(to, to[len(to)-offset])
	}
	return to, from[width:], nil
}
