package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// cluster is the insert and select roles: it has no data, only the addresses of storages.
type cluster struct {
	nodes  []string
	client *http.Client
}

func newCluster(nodes []string) *cluster {
	transport := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	return &cluster{nodes: nodes, client: &http.Client{Transport: transport}}
}

// internalQuery is what a select role asks a storage.
type internalQuery struct {
	Query  query
	Limit  int
	Fields []string // of rows, or to group by
	Stats  []statsFunc
}

// ask sends one query to all storages. One storage that cannot answer fails it: an answer without its share would look
// complete.
func ask[T any](ctx context.Context, c *cluster, path string, q internalQuery) ([]T, error) {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(q); err != nil {
		return nil, err
	}
	answers, failures := make([]T, len(c.nodes)), make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, node := range c.nodes {
		all.Go(func() { failures[i] = c.post(ctx, "http://"+node+path, body.Bytes(), &answers[i]) })
	}
	all.Wait()
	return answers, errors.Join(failures...)
}

func (c *cluster) post(ctx context.Context, url string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return &statusError{response.StatusCode, fmt.Sprintf("%s answered %d: %s", url, response.StatusCode, bytes.TrimSpace(text))}
	}
	if answer == nil {
		return nil
	}
	return gob.NewDecoder(response.Body).Decode(answer)
}

type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func (c *cluster) rows(ctx context.Context, q query, limit int, fields []string) ([]row, error) {
	answers, err := ask[[]row](ctx, c, "/internal/select/rows", internalQuery{Query: q, Limit: limit, Fields: fields})
	rows := slices.Concat(answers...)
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.Time, a.Time) })
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	// With the error go the rows of the storages that did answer: the lookup of one trace shows them at a timeout.
	return rows, err
}

func (c *cluster) groups(ctx context.Context, q query, by []string, stats []statsFunc) ([]group, error) {
	answers, err := ask[[]group](ctx, c, "/internal/select/groups", internalQuery{Query: q, Fields: by, Stats: stats})
	if err != nil {
		return nil, err
	}
	all := newGroups(stats)
	for _, g := range slices.Concat(answers...) {
		all.of(g.By).add(g)
	}
	return all.list, nil
}

// add shares spans out by stream, as VictoriaTraces does, and answers when the storages have them. A share whose storage
// is away or refuses goes to the next one; only when none takes it the request fails.
func (c *cluster) add(ctx context.Context, spans []span) error {
	shares := make([][]byte, len(c.nodes))
	for i := range spans {
		h := fnv.New32a()
		io.WriteString(h, spans[i].name+"\x00"+spans[i].get(serviceName))
		at := int(h.Sum32()) % len(c.nodes)
		shares[at] = appendInsertRow(shares[at], &spans[i])
	}
	for first, share := range shares {
		if len(share) == 0 {
			continue
		}
		if err := c.addShare(ctx, first, share); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) addShare(ctx context.Context, first int, share []byte) error {
	var failures []error
	for i := range c.nodes {
		node := c.nodes[(first+i)%len(c.nodes)]
		err := c.post(ctx, "http://"+node+"/internal/insert?version="+insertProtocol, share, nil)
		if err == nil {
			return nil
		}
		slog.Warn("cannot send spans to storage", "addr", node, "error", err)
		failures = append(failures, err)
	}
	return fmt.Errorf("cannot send spans to any storage: %w", errors.Join(failures...))
}
