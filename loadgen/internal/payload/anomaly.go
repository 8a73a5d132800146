package payload

import (
	"math"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// Every hundredth point of the anomaly family is far away from the others.
const spikeEvery = 100

// Anomaly is a Batch of one point for each of the two metrics that the anomaly detector reads.
type Anomaly struct {
	body
	clock  *SampleClock
	points []pointSlots
}

func NewAnomaly(run string, clock *SampleClock) *Anomaly {
	var m marks
	cpu, memory := templatePoint(&m), templatePoint(&m)
	a := &Anomaly{clock: clock}
	a.bytes = encode(metricsRequest(run, "shop-api", gauge("system.cpu.utilization", "1", cpu), gauge("process.memory.usage", "By", memory)))
	a.points = locatePoints(&m, a.bytes, []*metricspb.NumberDataPoint{cpu, memory})
	return a
}

func locatePoints(m *marks, encoded []byte, points []*metricspb.NumberDataPoint) []pointSlots {
	m.body = encoded
	slots := make([]pointSlots, len(points))
	for i, point := range points {
		m.nextItem()
		slots[i] = pointSlots{at: m.findUint64(point.TimeUnixNano), value: m.findUint64(math.Float64bits(point.GetAsDouble()))}
	}
	return slots
}

func (a *Anomaly) Items() int64           { return int64(len(a.points)) }
func (a *Anomaly) FirstSeq(k int64) int64 { return k * a.Items() }

func (a *Anomaly) Patch(k int64, now time.Time) {
	// Repeatable noise between -1 and 1 from the request number.
	noise := float64(mix(uint64(k)*0x9e3779b97f4a7c15)>>11)/(1<<52) - 1
	cpu, memory := 0.30+0.02*noise, 400e6+5e6*noise
	if (k+1)%spikeEvery == 0 {
		cpu, memory = 0.97, 900e6
	}
	at := a.clock.next(now)
	for i, value := range []float64{cpu, math.Round(memory)} {
		a.putTime(a.points[i].at, at)
		a.putFloat(a.points[i].value, value)
	}
}
