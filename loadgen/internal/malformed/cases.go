// Package malformed sends requests that must be refused, and after each one a good request that must not suffer.
package malformed

import (
	"bytes"
	"compress/gzip"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

const mebibyte = 1 << 20

// The bomb inflates to exactly this.
const bombBytes = 64 * mebibyte

// fault is one broken request. Without a field the good one's value stands.
type fault struct {
	name        string
	method      string
	contentType string
	encoding    string
	chunked     bool
	body        func(good []byte, oversizedBytes int) []byte
}

const protobuf = "application/x-protobuf"

func httpFaults() []fault {
	return []fault{
		{name: "malformed", body: garbage},
		{name: "truncated", body: truncated},
		{name: "json-garbage", contentType: "application/json", body: func([]byte, int) []byte { return []byte(`{"resourceSpans": [{"scope`) }},
		{name: "json-as-protobuf", body: func([]byte, int) []byte { return []byte(`{"resourceSpans": []}`) }},
		{name: "wrong-content-type", contentType: "text/plain", body: same},
		{name: "unknown-encoding", encoding: "x-mirador", body: same},
		{name: "bad-gzip", encoding: "gzip", body: same},
		{name: "truncated-gzip", encoding: "gzip", body: func(good []byte, _ int) []byte { return truncated(compress(good), 0) }},
		{name: "gzip-bomb", encoding: "gzip", body: bomb},
		{name: "oversized", body: oversized},
		{name: "oversized-chunked", chunked: true, body: oversized},
		{name: "get", method: "GET", body: func([]byte, int) []byte { return nil }},
	}
}

func grpcFaults() []fault {
	return []fault{
		{name: "malformed", body: garbage},
		{name: "truncated", body: truncated},
		{name: "bad-gzip", encoding: "gzip", body: same},
		{name: "gzip-bomb", encoding: "gzip", body: bomb},
		{name: "oversized", body: oversized},
	}
}

func same(good []byte, _ int) []byte { return good }

// garbage starts with a field of the wire type 7, which does not exist.
func garbage([]byte, int) []byte { return bytes.Repeat([]byte{0xff}, 512) }

func truncated(good []byte, _ int) []byte { return good[:len(good)*2/3] }

func bomb([]byte, int) []byte { return compressedGarbage() }

// Garbage, so that it is refused even where its size is allowed. (Zeros pass: some decoders skip field 0.)
var compressedGarbage = sync.OnceValue(func() []byte { return compress(bytes.Repeat([]byte{0xff}, bombBytes)) })

// oversized is valid and holds only an unknown field: a server that accepts it stores nothing, and its status shows the missing limit.
func oversized(_ []byte, size int) []byte {
	message := protowire.AppendTag(make([]byte, 0, size+16), 1000, protowire.BytesType)
	message = protowire.AppendVarint(message, uint64(size))
	return append(message, make([]byte, size)...)
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, _ = writer.Write(body)
	_ = writer.Close()
	return out.Bytes()
}
