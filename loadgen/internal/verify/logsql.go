package verify

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A number takes some 12 bytes: this keeps a query near 12 KB.
const numbersPerQuery = 1000

// logsQL counts the rows of one run in VictoriaLogs or VictoriaTraces.
type logsQL struct {
	client          *http.Client
	base            string
	filter          string // selects the run
	uniqueField     string
	seqField        string
	noLatencyOffset bool
}

func newLogCounter(client *http.Client, base, run string) *logsQL {
	return &logsQL{client: client, base: base, filter: fmt.Sprintf("run:=%q", run), uniqueField: "seq", seqField: "seq"}
}

func newSpanCounter(client *http.Client, base, run string, noLatencyOffset bool) *logsQL {
	return &logsQL{
		client: client, base: base, noLatencyOffset: noLatencyOffset,
		filter: fmt.Sprintf(`"resource_attr:run":=%q`, run), uniqueField: "span_id", seqField: `"span_attr:seq"`,
	}
}

func (l *logsQL) count(ctx context.Context, unacked [][2]int64) (stored, error) {
	all, err := l.stats(ctx, l.filter)
	if err != nil {
		return stored{}, err
	}
	for numbers := range slices.Chunk(numbersIn(unacked), numbersPerQuery) {
		part, err := l.stats(ctx, l.filter+" "+l.seqField+":in("+strings.Join(numbers, ",")+")")
		if err != nil {
			return stored{}, err
		}
		all.unacked += part.unique
	}
	return all, nil
}

// numbersIn lists what ranges stand for: a list is understood by the double of VictoriaTraces too.
func numbersIn(ranges [][2]int64) []string {
	var numbers []string
	for _, r := range ranges {
		for n := r[0]; n < r[1]; n++ {
			numbers = append(numbers, strconv.Quote(strconv.FormatInt(n, 10)))
		}
	}
	return numbers
}

func (l *logsQL) stats(ctx context.Context, filter string) (stored, error) {
	form := url.Values{"query": {filter + " | stats count() n, count_uniq(" + l.uniqueField + ") u"}}
	if l.noLatencyOffset {
		form.Set("disable_latency_offset", "true")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+"/select/logsql/query", strings.NewReader(form.Encode()))
	if err != nil {
		return stored{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := open(l.client, request)
	if err != nil {
		return stored{}, err
	}
	defer response.Body.Close()
	return parseStats(response.Body)
}

// parseStats demands a row: a hung store answers 200 with an empty body, which must not be read as zero.
func parseStats(body io.Reader) (stored, error) {
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var row struct{ N, U string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return stored{}, fmt.Errorf("unexpected answer %.200q: %w", lines.Text(), err)
		}
		rows, err := strconv.ParseInt(row.N, 10, 64)
		if err != nil {
			return stored{}, fmt.Errorf("unexpected answer %.200q", lines.Text())
		}
		unique, err := strconv.ParseInt(row.U, 10, 64)
		if err != nil {
			return stored{}, fmt.Errorf("unexpected answer %.200q", lines.Text())
		}
		return stored{rows: rows, unique: unique}, nil
	}
	if err := lines.Err(); err != nil {
		return stored{}, err
	}
	return stored{}, fmt.Errorf("the answer has no row")
}

// open returns an answer of status 200 and turns every other into an error.
func open(client *http.Client, request *http.Request) (*http.Response, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
	return nil, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
}
