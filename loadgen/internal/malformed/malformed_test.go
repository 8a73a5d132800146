package malformed

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"mirador.local/loadgen/internal/sinktest"
)

func TestEveryFaultIsRefusedAndDoesNoHarm(t *testing.T) {
	s := sinktest.Start(t)
	var out, problems bytes.Buffer
	if code := Main([]string{"-http", "otlp:" + s.HTTP, "-http", "grpc:" + s.GRPC, "-oversized-mib", "5"}, &out, &problems); code != 0 {
		t.Fatalf("exit %d: %s", code, problems.String())
	}
	var results []Result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatal(err)
	}
	if want := 3*len(httpFaults()) + len(grpcFaults()); len(results) != want {
		t.Errorf("%d results, not %d", len(results), want)
	}
	for _, r := range results {
		if !r.OK4xx || !r.GoodAfter {
			t.Errorf("%+v", r)
		}
	}
	if got := len(s.Traces) + len(s.Logs) + len(s.Metrics); got != len(results) {
		t.Errorf("%d requests were accepted, %d were good", got, len(results))
	}
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]string{
		"vminsert:http://127.0.0.1:8480":                   "http://127.0.0.1:8480/insert/0/opentelemetry/v1/metrics",
		"vlinsert:http://127.0.0.1:9481/":                  "http://127.0.0.1:9481/insert/opentelemetry/v1/logs",
		"vtinsert:http://127.0.0.1:10481":                  "http://127.0.0.1:10481/insert/opentelemetry/v1/traces",
		"vminsert:http://127.0.0.1:8428/opentelemetry/api": "http://127.0.0.1:8428/opentelemetry/api",
		"grpc:127.0.0.1:4317":                              "127.0.0.1:4317",
		"otlp:http://10.77.0.1:4318":                       "http://10.77.0.1:4318/v1/traces",
	} {
		if got, err := parseTarget(text); err != nil || got[0].address != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"http://127.0.0.1", "otlp:http://10.1.1.1", "grpc:example.com:1", ""} {
		if code := Main([]string{"-http", text}, io.Discard, io.Discard); code != 2 {
			t.Errorf("%s: exit %d", text, code)
		}
	}
}
