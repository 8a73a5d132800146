package verify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// exported counts the samples of one run in VictoriaMetrics.
type exported struct {
	client  *http.Client
	base    string
	run     string
	started time.Time
	reduce  bool
}

func (e *exported) count(ctx context.Context, unacked [][2]int64) (stored, error) {
	parameters := url.Values{
		"match[]": {fmt.Sprintf(`{__name__=~"loadgen_value.*",run=%q}`, e.run)},
		"start":   {strconv.FormatInt(e.started.Add(-time.Hour).Unix(), 10)},
		"end":     {strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)},
		// Short lines, whatever the length of a series.
		"max_rows_per_line": {"10000"},
	}
	if e.reduce {
		parameters.Set("reduce_mem_usage", "1")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base+"/api/v1/export?"+parameters.Encode(), nil)
	if err != nil {
		return stored{}, err
	}
	response, err := open(e.client, request)
	if err != nil {
		return stored{}, err
	}
	defer response.Body.Close()
	return countSamples(response.Body, unacked)
}

// countSamples reads export lines as they come. The samples of one series may be spread over many lines and their timestamps
// may come twice; a value is the sample's number in the run, so a bit for each number is all that must be remembered.
func countSamples(body io.Reader, unacked [][2]int64) (stored, error) {
	var (
		result stored
		seen   bitset
	)
	reader := bufio.NewReaderSize(body, 1<<20)
	for {
		text, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			var line struct {
				Values     []float64 `json:"values"`
				Timestamps []int64   `json:"timestamps"`
			}
			if err := json.Unmarshal(text, &line); err != nil {
				return stored{}, fmt.Errorf("unexpected export line %.100q: %w", text, err)
			}
			if len(line.Values) != len(line.Timestamps) {
				return stored{}, fmt.Errorf("export line has %d values and %d timestamps", len(line.Values), len(line.Timestamps))
			}
			for _, value := range line.Values {
				number := int64(value)
				if float64(number) != value || number < 0 || number > maxNumber {
					return stored{}, fmt.Errorf("value %g is not a sample number", value)
				}
				result.rows++
				if seen.add(number) {
					result.unique++
					if inRanges(unacked, number) {
						result.unacked++
					}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return result, nil
		}
		if err != nil {
			return stored{}, err
		}
	}
}

// A run at the highest rate stays below; a foreign value must not make the bitset eat the memory.
const maxNumber = 1 << 32

type bitset struct{ words []uint64 }

// add returns false when the number was there.
func (b *bitset) add(number int64) bool {
	word, bit := int(number/64), uint64(1)<<(number%64)
	if word >= len(b.words) {
		b.words = append(b.words, make([]uint64, word+1-len(b.words))...)
	}
	fresh := b.words[word]&bit == 0
	b.words[word] |= bit
	return fresh
}

// inRanges expects sorted, disjoint ranges, as in the report.
func inRanges(ranges [][2]int64, number int64) bool {
	_, found := slices.BinarySearchFunc(ranges, number, func(r [2]int64, number int64) int {
		switch {
		case number < r[0]:
			return 1
		case number >= r[1]:
			return -1
		default:
			return 0
		}
	})
	return found
}
