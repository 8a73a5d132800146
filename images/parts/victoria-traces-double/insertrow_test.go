package main

import (
	"encoding/hex"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRowsOfTheRolesComeApartAsTheyWereSent(t *testing.T) {
	spans := spansFor(0, 3)
	spans[1].name = ""
	spans[2].resource = nil
	var rows []byte
	for i := range spans {
		rows = appendInsertRow(rows, &spans[i])
	}
	got, err := splitInsertRows(rows)
	if err != nil || !reflect.DeepEqual(got, spans) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, spans)
	}
	for end := 1; end < len(rows); end++ {
		if got, err := splitInsertRows(rows[:end]); err == nil && len(got) == len(spans) {
			t.Fatalf("%d of %d bytes give all rows", end, len(rows))
		}
	}
}

// One row as VictoriaTraces 0.1 sends it, written down byte by byte.
func TestReadsARowOfTheProtocol(t *testing.T) {
	tags := "01" + "04" + hex.EncodeToString([]byte("name")) + "01" + hex.EncodeToString([]byte("q"))
	encoded := "0000000000000000" + "08" + tags + "00000000000003e8" + "02" +
		"04" + hex.EncodeToString([]byte("name")) + "01" + hex.EncodeToString([]byte("q")) + "00" + "01" + hex.EncodeToString([]byte("-"))
	bytes, err := hex.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	got, err := splitInsertRows(bytes)
	if want := []span{{end: 1000, name: "q"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRefusesRowsThatItCouldNotShowAsTheyWereSent(t *testing.T) {
	server, a := testServer(t)
	insert := func(version string, rows []byte) (int, string) {
		request, _ := http.NewRequest(http.MethodPost, server.URL+"/internal/insert?version="+version, strings.NewReader(string(rows)))
		return answerOf(t, request)
	}
	s := spansFor(0, 1)[0]
	good := appendInsertRow(nil, &s)
	otherTenant := append([]byte{0, 0, 0, 1}, good[4:]...)
	renamed := []byte(strings.Replace(string(good), "GET /", "PUT /", 1))
	for name, sent := range map[string]struct {
		version string
		rows    []byte
		want    int
	}{
		"another version": {"v2", good, http.StatusBadRequest},
		"another tenant":  {"v1", otherTenant, http.StatusBadRequest},
		"another stream":  {"v1", renamed, http.StatusBadRequest},
		"nothing":         {"v1", nil, http.StatusOK},
		"a row":           {"v1", good, http.StatusOK},
	} {
		if status, body := insert(sent.version, sent.rows); status != sent.want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	a.store.flush()
	if n := count(t, a.store); n != 1 {
		t.Errorf("%d rows", n)
	}
	a.store.options.minFreeBytes = 1 << 62
	a.store.tend()
	if status, _ := insert("v1", nil); status != http.StatusTooManyRequests {
		t.Errorf("a full disk: %d", status)
	}
}

func TestDigestsTellDifferentRowsFromEqualOnes(t *testing.T) {
	one, a := testServer(t)
	other, b := testServer(t)
	end := time.Now().Truncate(time.Hour).Add(-time.Minute)
	send(t, one, traceData("r1", 0, 4, end))
	send(t, other, traceData("r1", 2, 2, end))
	send(t, other, traceData("r1", 0, 2, end))
	a.store.flush()
	b.store.flush()
	from := end.Add(-30 * time.Minute).UTC().Format(time.RFC3339Nano)
	query := "_time:[" + from + ", " + end.UTC().Format("2006-01-02T15:04:05.000000000Z") +
		") | hash(span_id) as h | math (h % 1000003 + _time % 1000003) as s | stats by (_time:1m) count() rows, sum(s) sum"
	_, first := logsql(t, one, "query", query)
	_, second := logsql(t, other, "query", query)
	// The parents end where the range does, so that they are not in it.
	if first != second || !strings.Contains(first, `"rows":"4"`) || strings.Count(first, "\n") != 1 {
		t.Errorf("equal rows give\n%sand\n%s", first, second)
	}
	// The same number of rows, one of them another one.
	send(t, one, traceData("r1", 0, 1, end))
	send(t, other, traceData("r1", 1, 1, end))
	a.store.flush()
	b.store.flush()
	_, first = logsql(t, one, "query", query)
	if _, second = logsql(t, other, "query", query); first == second || !strings.Contains(second, `"rows":"5"`) {
		t.Errorf("different rows give\n%sand\n%s", first, second)
	}
}
