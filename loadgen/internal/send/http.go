package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"mirador.local/loadgen/internal/target"
)

const maxAnswerBytes = 64 << 10

type httpExporter struct {
	base   string
	client *http.Client
}

func newHTTPExporter(o *options) (*httpExporter, error) {
	base, err := target.ParseURL(o.httpBase)
	if err != nil {
		return nil, err
	}
	transport := target.Transport()
	transport.TLSClientConfig = o.tls.Clone() // each transport adds its own protocols
	return &httpExporter{base.String(), &http.Client{Transport: transport, CheckRedirect: target.StayOnHost}}, nil
}

func (e *httpExporter) close() { e.client.CloseIdleConnections() }

func (e *httpExporter) export(ctx context.Context, s signal, body []byte) answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.base+s.httpPath, bytes.NewReader(body))
	if err != nil {
		return answer{status: "http:request"}
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := e.client.Do(request)
	if err != nil {
		return connectionAnswer(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return connectionAnswer(err)
	}
	if response.StatusCode/100 == 2 {
		return answer{rejected: rejectedItems(text)}
	}
	return answer{
		status:    fmt.Sprintf("http:%d", response.StatusCode),
		retryable: retryableStatus(response.StatusCode),
		wait:      retryAfter(response.Header.Get("Retry-After")),
	}
}

func connectionAnswer(err error) answer {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return answer{status: "http:timeout", retryable: true}
	}
	status := "http:connection"
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		status = "http:refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		status = "http:reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		status = "http:closed"
	}
	return answer{status: status, retryable: true}
}

// retryableStatus follows the OTLP specification, section "Retryable Response Codes".
func retryableStatus(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
