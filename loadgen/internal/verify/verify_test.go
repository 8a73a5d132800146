package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mirador.local/loadgen/internal/report"
)

func init() { pollPause, settle = 20*time.Millisecond, 50*time.Millisecond }

// store plays all three stores. A query for given-up ranges is answered with unackedUnique.
type store struct {
	spans, spansUnique, logs, logsUnique, unackedUnique int
	export                                              string
	notBefore                                           int32 // queries answered with zero at first
	queries                                             atomic.Int32
	seen                                                []string
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	query := r.Form.Get("query")
	s.seen = append(s.seen, r.URL.Path+" "+query+" "+r.Form.Get("match[]")+" "+r.Form.Get("disable_latency_offset"))
	early := s.queries.Add(1) <= s.notBefore
	switch {
	case early:
		fmt.Fprintln(w, `{"n":"0","u":"0"}`)
	case strings.Contains(query, ":in("):
		fmt.Fprintf(w, "{\"n\":\"%d\",\"u\":\"%d\"}\n", s.unackedUnique, s.unackedUnique)
	case strings.Contains(query, "resource_attr:run"):
		fmt.Fprintf(w, "{\"n\":\"%d\",\"u\":\"%d\"}\n", s.spans, s.spansUnique)
	case query != "":
		fmt.Fprintf(w, "{\"n\":\"%d\",\"u\":\"%d\"}\n", s.logs, s.logsUnique)
	default:
		_, _ = io.WriteString(w, s.export)
	}
}

func signal(acked int64, unacked ...[2]int64) *report.Signal {
	return &report.Signal{Stats: report.Stats{AckedItems: acked}, Unacked: unacked}
}

func runVerify(t *testing.T, s *store, signals map[string]*report.Signal, flags ...string) (map[string]Verdict, int) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "in.json")
	if err := report.Write(file, nil, &report.Report{Run: "r1", Started: time.Now(), Signals: signals}); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	code := Main(append([]string{"-report", file, "-vm", server.URL + "/select/0/prometheus", "-vl", server.URL, "-vt", server.URL, "-wait", "300ms"}, flags...), &out, &problems)
	verdicts := map[string]Verdict{}
	if code != 2 {
		if err := json.Unmarshal(out.Bytes(), &verdicts); err != nil {
			t.Fatalf("%v: %s %s", err, out.String(), problems.String())
		}
	}
	return verdicts, code
}

const fourSamples = `{"metric":{"series":"a"},"values":[0,2],"timestamps":[1000,1001]}
{"metric":{"series":"a"},"values":[2],"timestamps":[1001]}
{"metric":{"series":"b"},"values":[1],"timestamps":[1000]}
`

func TestCompleteRunIsFound(t *testing.T) {
	s := &store{spans: 101, spansUnique: 100, logs: 50, logsUnique: 50, export: fourSamples, notBefore: 1}
	verdicts, code := runVerify(t, s, map[string]*report.Signal{report.Spans: signal(100), report.Logs: signal(50), report.Samples: signal(3), report.Anomaly: signal(9)}, "-vt-no-offset")
	want := map[string]Verdict{
		report.Spans:   {Acked: 100, Stored: 101, Unique: 100, Double: 1},
		report.Logs:    {Acked: 50, Stored: 50, Unique: 50},
		report.Samples: {Acked: 3, Stored: 4, Unique: 3, Double: 1},
	}
	if fmt.Sprint(verdicts) != fmt.Sprint(want) || code != 0 {
		t.Errorf("exit %d, %+v", code, verdicts)
	}
	questions := strings.Join(s.seen, "\n")
	for _, question := range []string{
		`/select/logsql/query "resource_attr:run":="r1" | stats count() n, count_uniq(span_id) u  true`,
		`/select/logsql/query run:="r1" | stats count() n, count_uniq(seq) u  ` + "\n",
		`/select/0/prometheus/api/v1/export  {__name__=~"loadgen_value.*",run="r1"} `,
	} {
		if !strings.Contains(questions, question) {
			t.Errorf("%q was not asked:\n%s", question, questions)
		}
	}
}

func TestLossAndExtrasAreTold(t *testing.T) {
	verdicts, code := runVerify(t, &store{spans: 98, spansUnique: 98, logs: 60, logsUnique: 60}, map[string]*report.Signal{report.Spans: signal(100), report.Logs: signal(50)})
	if code != 1 || verdicts[report.Spans].Lost != 2 || verdicts[report.Logs].Extra != 10 || verdicts[report.Logs].Lost != 0 {
		t.Errorf("exit %d, %+v", code, verdicts)
	}
}

func TestStoredItemsOfFailedRequestsDoNotHideLostOnes(t *testing.T) {
	s := &store{logs: 100, logsUnique: 100, unackedUnique: 10}
	verdicts, code := runVerify(t, s, map[string]*report.Signal{report.Logs: signal(100, [2]int64{1_000_000_100, 1_000_000_103})})
	if code != 1 || verdicts[report.Logs].Lost != 10 || verdicts[report.Logs].UnackedStored != 10 {
		t.Errorf("exit %d, %+v", code, verdicts)
	}
	if questions := strings.Join(s.seen, "\n"); !strings.Contains(questions, `run:="r1" seq:in("1000000100","1000000101","1000000102") | stats`) {
		t.Error(questions)
	}
}

func TestAnEmptyAnswerIsAnErrorNotAZero(t *testing.T) {
	if _, err := parseStats(strings.NewReader("\n")); err == nil {
		t.Error("no error")
	}
	if _, err := parseStats(strings.NewReader(`{"error":"x"}`)); err == nil {
		t.Error("no error")
	}
}

func TestExportFaultsAreErrors(t *testing.T) {
	for _, text := range []string{"{", `{"values":[1],"timestamps":[]}`, `{"values":[1.5],"timestamps":[1]}`, `{"values":[1e300],"timestamps":[1]}`} {
		if _, err := countSamples(strings.NewReader(text), nil); err == nil {
			t.Errorf("%s is counted", text)
		}
	}
}

func TestAMillionSamplesAreCounted(t *testing.T) {
	const series, each = 500, 2000
	reader, writer := io.Pipe()
	go func() {
		for s := range series {
			values, timestamps := make([]int, each), make([]int, each)
			for i := range each {
				values[i], timestamps[i] = i*series+s, i
			}
			_ = json.NewEncoder(writer).Encode(map[string]any{"values": values, "timestamps": timestamps})
		}
		_ = writer.Close()
	}()
	got, err := countSamples(reader, [][2]int64{{0, 500}, {999_000, 1_000_000}})
	if want := (stored{rows: 1_000_000, unique: 1_000_000, unacked: 1500}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWrongUse(t *testing.T) {
	for _, flags := range [][]string{{}, {"-report", "/none"}, {"-unknown"}} {
		if code := Main(flags, io.Discard, io.Discard); code != 2 {
			t.Errorf("%v: exit %d", flags, code)
		}
	}
	if _, code := runVerify(t, &store{}, map[string]*report.Signal{report.Logs: signal(1)}, "-vl", "http://10.0.0.1"); code != 2 {
		t.Error("a foreign host is asked")
	}
}
