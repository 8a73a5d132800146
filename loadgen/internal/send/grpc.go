package send

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// rawCodec sends bytes that are already encoded.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

type grpcExporter struct{ connection *grpc.ClientConn }

func newGRPCExporter(o *options) (*grpcExporter, error) {
	security := insecure.NewCredentials()
	if o.tls != nil {
		security = credentials.NewTLS(o.tls)
	}
	connection, err := grpc.NewClient("passthrough:///"+o.grpcAuthority,
		grpc.WithTransportCredentials(security),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})),
		// The library's own delay grows to two minutes: the measured gap would be the client's, not the server's.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}))
	return &grpcExporter{connection}, err
}

func (e *grpcExporter) close() { _ = e.connection.Close() }

func (e *grpcExporter) export(ctx context.Context, s signal, body []byte) answer {
	var response []byte
	err := e.connection.Invoke(ctx, s.grpcMethod, body, &response)
	if err == nil {
		return answer{rejected: rejectedItems(response)}
	}
	refusal := status.Convert(err)
	wait, asked := retryInfo(refusal)
	return answer{status: "grpc:" + refusal.Code().String(), retryable: retryableCode(refusal.Code(), asked), wait: wait}
}

// retryableCode follows the OTLP specification, section "Failures" of OTLP/gRPC.
func retryableCode(code codes.Code, hasRetryInfo bool) bool {
	switch code {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return true
	case codes.ResourceExhausted:
		return hasRetryInfo
	default:
		return false
	}
}

// retryInfo decodes google.rpc.RetryInfo by hand: its only field is a Duration, and its package would be one more dependency.
func retryInfo(refusal *status.Status) (time.Duration, bool) {
	for _, detail := range refusal.Proto().GetDetails() {
		if !strings.HasSuffix(detail.TypeUrl, "/google.rpc.RetryInfo") {
			continue
		}
		field, ok := nestedMessage(detail.Value)
		var delay durationpb.Duration
		if ok && proto.Unmarshal(field, &delay) == nil {
			return delay.AsDuration(), true
		}
		return 0, true
	}
	return 0, false
}
