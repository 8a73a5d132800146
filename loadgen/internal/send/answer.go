package send

import (
	"context"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// answer is the fate of one try.
type answer struct {
	status    string // "" when accepted, else the key in the report
	retryable bool
	wait      time.Duration // what the server asked for
	rejected  int64
}

func (a answer) accepted() bool { return a.status == "" }

type exporter interface {
	export(ctx context.Context, s signal, body []byte) answer
	close()
}

// rejectedItems reads partial_success.rejected_*: field 1 of field 1, in the answer to every signal.
func rejectedItems(response []byte) int64 {
	partial, ok := nestedMessage(response)
	if !ok {
		return 0
	}
	value, ok := firstField(partial, protowire.VarintType)
	if !ok {
		return 0
	}
	rejected, n := protowire.ConsumeVarint(value)
	if n < 0 {
		return 0
	}
	return int64(rejected)
}

// nestedMessage returns field 1.
func nestedMessage(message []byte) ([]byte, bool) {
	value, ok := firstField(message, protowire.BytesType)
	if !ok {
		return nil, false
	}
	nested, n := protowire.ConsumeBytes(value)
	return nested, n >= 0
}

// firstField returns what follows the tag of field 1.
func firstField(message []byte, want protowire.Type) ([]byte, bool) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, false
		}
		if number == 1 && kind == want {
			return message[n:], true
		}
		skip := protowire.ConsumeFieldValue(number, kind, message[n:])
		if skip < 0 {
			return nil, false
		}
		message = message[n+skip:]
	}
	return nil, false
}
