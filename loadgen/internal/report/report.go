// Package report is the file that `send` writes and `verify` reads. Its JSON is a contract with the test suite.
package report

import (
	"encoding/json"
	"io"
	"os"
	"time"
)

// Names of the signals, also the keys of verify's answer.
const (
	Spans   = "spans"
	Logs    = "logs"
	Samples = "samples"
	Anomaly = "anomaly"
)

type Report struct {
	Run             string             `json:"run"`
	Started         time.Time          `json:"started"`
	Ended           time.Time          `json:"ended"`
	DurationSeconds float64            `json:"durationSeconds"`
	Protocols       string             `json:"protocols"`
	Senders         int                `json:"senders"`
	CPUSeconds      float64            `json:"cpuSeconds"`
	Signals         map[string]*Signal `json:"signals"`
}

type Signal struct {
	Stats
	BatchItems int64 `json:"batchItems"`
	// SlippedMs is how far the schedule was put off because every sender was busy: the rate was not reached.
	SlippedMs float64 `json:"slippedMs"`
	// Unacked lists the numbers [from, to) of requests that were given up: they may be stored or not.
	Unacked    [][2]int64        `json:"unacked"`
	Traces     *Traces           `json:"traces,omitempty"`
	ByProtocol map[string]*Stats `json:"byProtocol"`
}

// Traces counts what was acknowledged.
type Traces struct {
	Acked int64 `json:"acked"`
	Error int64 `json:"error"`
}

// Stats counts requests once, however often they were tried; only Retries and Refused count tries.
type Stats struct {
	SentRequests   int64            `json:"sentRequests"`
	SentItems      int64            `json:"sentItems"`
	AckedRequests  int64            `json:"ackedRequests"`
	AckedItems     int64            `json:"ackedItems"`
	RejectedItems  int64            `json:"rejectedItems"`
	FailedRequests int64            `json:"failedRequests"`
	FailedItems    int64            `json:"failedItems"`
	Retries        int64            `json:"retries"`
	Refused        map[string]int64 `json:"refused"`
	LatencyMs      Latency          `json:"latencyMs"`
	LongestGapMs   float64          `json:"longestGapMs"`
	FirstAck       *time.Time       `json:"firstAck"`
	LastAck        *time.Time       `json:"lastAck"`
}

// Latency is from the first try to the acknowledgement.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func Load(path string) (*Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var loaded Report
	return &loaded, json.Unmarshal(text, &loaded)
}

// Write puts value into the file, or on out without one.
func Write(path string, out io.Writer, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if path == "" {
		_, err = out.Write(text)
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
