package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// readSpans takes an OTLP request apart. Every error is the client's.
func readSpans(r *http.Request, maxBytes int64) ([]span, error) {
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind {
	case "", "application/x-protobuf", "application/protobuf":
	case "application/json":
		return nil, errors.New("json encoding isn't supported for opentelemetry format. Use protobuf encoding")
	default:
		return nil, fmt.Errorf("content type %q isn't supported for opentelemetry format. Use protobuf encoding", kind)
	}
	body, err := readBody(r, maxBytes)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, errors.New("cannot read an empty request")
	}
	// TracesData has the form of ExportTraceServiceRequest, whose package would bring gRPC along.
	var data tracepb.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		return nil, fmt.Errorf("cannot unmarshal request with %d bytes: %w", len(body), err)
	}
	return spansOf(&data), nil
}

func readBody(r *http.Request, maxBytes int64) ([]byte, error) {
	in := io.Reader(r.Body)
	encoding := r.Header.Get("Content-Encoding")
	switch encoding {
	case "", "identity", "none", "snappy":
	case "gzip":
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, fmt.Errorf("cannot read gzip: %w", err)
		}
		in = unzipped
	default:
		return nil, fmt.Errorf("test double: unsupported Content-Encoding %q; use gzip, snappy or none", encoding)
	}
	body, err := io.ReadAll(io.LimitReader(in, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read request: %w", err)
	}
	if int64(len(body)) <= maxBytes && encoding == "snappy" {
		body, err = unsnap(body, maxBytes)
	}
	if err == nil && int64(len(body)) > maxBytes {
		err = fmt.Errorf("the request is larger than -opentelemetry.traces.maxRequestSize=%d bytes", maxBytes)
	}
	return body, err
}
