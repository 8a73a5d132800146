package main

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"
)

// idSet counts different values by 64-bit hashes: among ten million values two equal ones come up once in 400 000 runs.
type idSet map[uint64]struct{}

func (s idSet) add(value string) {
	s[hashOf(value)] = struct{}{}
}

func hashOf(value string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(value))
	return h.Sum64()
}

func (s idSet) GobEncode() ([]byte, error) {
	encoded := make([]byte, 0, 8*len(s))
	for id := range s {
		encoded = binary.LittleEndian.AppendUint64(encoded, id)
	}
	return encoded, nil
}

func (s *idSet) GobDecode(encoded []byte) error {
	*s = make(idSet, len(encoded)/8)
	for ; len(encoded) >= 8; encoded = encoded[8:] {
		(*s)[binary.LittleEndian.Uint64(encoded)] = struct{}{}
	}
	return nil
}

// groups by their values, in order of appearance.
type groupList struct {
	stats []statsFunc
	list  []group
	index map[string]int
}

func newGroups(stats []statsFunc) *groupList {
	return &groupList{stats: stats, index: map[string]int{}}
}

func (l *groupList) of(by []string) *group {
	key := strings.Join(by, "\x00")
	at, known := l.index[key]
	if !known {
		at = len(l.list)
		l.index[key] = at
		l.list = append(l.list, newGroup(slices.Clone(by), l.stats))
	}
	return &l.list[at]
}
