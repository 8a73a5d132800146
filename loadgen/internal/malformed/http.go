package malformed

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"mirador.local/loadgen/internal/target"
)

const requestTimeout = 30 * time.Second

type httpProbe struct {
	client   *http.Client
	endpoint endpoint
}

func newHTTPProbe(e endpoint) *httpProbe {
	return &httpProbe{&http.Client{Transport: target.Transport(), CheckRedirect: target.StayOnHost, Timeout: requestTimeout}, e}
}

func (p *httpProbe) faults() []fault { return httpFaults() }

func (p *httpProbe) bad(f fault, body []byte) Result {
	status, err := p.send(f, body)
	if err != nil {
		return Result{Error: err.Error()}
	}
	return Result{Status: status, OK4xx: status/100 == 4}
}

func (p *httpProbe) good(body []byte) error {
	status, err := p.send(fault{}, body)
	if err == nil && status/100 != 2 {
		err = statusError(status)
	}
	return err
}

func (p *httpProbe) send(f fault, body []byte) (int, error) {
	method, contentType := http.MethodPost, protobuf
	if f.method != "" {
		method = f.method
	}
	if f.contentType != "" {
		contentType = f.contentType
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	if f.chunked {
		reader = struct{ io.Reader }{reader} // hides the length
	}
	request, err := http.NewRequestWithContext(context.Background(), method, p.endpoint.address, reader)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", contentType)
	if f.encoding != "" {
		request.Header.Set("Content-Encoding", f.encoding)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, mebibyte))
	return response.StatusCode, nil
}
