package main

import (
	"flag"
	"testing"
	"time"
)

func TestReadsTheFlagsThatThePlanRenders(t *testing.T) {
	s, err := parseFlags([]string{
		"-httpListenAddr=:10491", "-storageDataPath=/vtraces", "-retentionPeriod=7d", "-inmemoryDataFlushInterval=1s",
		"-storage.minFreeDiskSpaceBytes=1GiB", "-retention.maxDiskSpaceUsageBytes=10GB", "-memory.allowedBytes=64MiB", "-loggerFormat=json",
		"-http.shutdownDelay=5s", "-storageNode=a:1,b:2", "-storageNode=c:3", "-insert.disable", "-search.maxQueryDuration=30s",
	}, flag.ContinueOnError)
	if err != nil {
		t.Fatal(err)
	}
	if s.minFreeBytes != 1<<30 || s.maxUsageBytes != 10e9 || s.memoryAllowed != 64<<20 || len(s.storageNodes) != 3 || !s.insertDisable ||
		s.retention.Duration != 7*24*time.Hour || s.shutdownDelay != 5*time.Second {
		t.Fatalf("%+v", s)
	}
}

func TestReadsRetentionAsUpstreamDoes(t *testing.T) {
	for text, want := range map[string]time.Duration{"1": 31 * 24 * time.Hour, "1d": 24 * time.Hour, "24h": 24 * time.Hour, "2w": 336 * time.Hour, "12h": 0, "x": 0} {
		s, err := parseFlags([]string{"-retentionPeriod=" + text}, flag.ContinueOnError)
		if want == 0 && err == nil || want != 0 && (err != nil || s.retention.Duration != want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRefusesFlagsOfOtherVersions(t *testing.T) {
	for _, name := range []string{"-retention.maxDiskUsagePercent=80", "-servicegraph.enableTask", "-otlpGRPCListenAddr=:4317", "-search.latencyOffset=1s", "-tls"} {
		if _, err := parseFlags([]string{name}, flag.ContinueOnError); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
