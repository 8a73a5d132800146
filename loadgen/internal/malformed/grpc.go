package malformed

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

const exportSpans = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// claimedGzip marks every message of a connection as gzip and leaves its bytes alone: they are compressed already, or are meant
// not to be. It belongs to the connection (grpc.WithCompressor), where the registry of encodings would change the whole process.
type claimedGzip struct{}

func (claimedGzip) Type() string { return "gzip" }
func (claimedGzip) Do(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

// rawCodec sends the bytes as they are and drops the answer.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (rawCodec) Unmarshal(mem.BufferSlice, any) error { return nil }

type grpcProbe struct{ plain, gzip *grpc.ClientConn }

func newGRPCProbe(e endpoint) (*grpcProbe, error) {
	connect := func(options ...grpc.DialOption) (*grpc.ClientConn, error) {
		return grpc.NewClient("passthrough:///"+e.address, append(options,
			grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))...)
	}
	plain, plainErr := connect()
	gzip, gzipErr := connect(grpc.WithCompressor(claimedGzip{}))
	return &grpcProbe{plain, gzip}, errors.Join(plainErr, gzipErr)
}

func (p *grpcProbe) faults() []fault { return grpcFaults() }

// bad takes a refusal that clients do not repeat for a 4xx. A garbage message is INTERNAL in most libraries.
func (p *grpcProbe) bad(f fault, body []byte) Result {
	connection := p.plain
	if f.encoding == "gzip" {
		connection = p.gzip
	}
	code := status.Code(export(connection, body))
	refused := false
	switch code {
	case codes.InvalidArgument, codes.Internal, codes.ResourceExhausted, codes.Unimplemented, codes.FailedPrecondition, codes.OutOfRange:
		refused = true
	}
	return Result{Status: int(code), GRPC: code.String(), OK4xx: refused}
}

func (p *grpcProbe) good(body []byte) error { return export(p.plain, body) }

func export(connection *grpc.ClientConn, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	return connection.Invoke(ctx, exportSpans, body, &struct{}{})
}
