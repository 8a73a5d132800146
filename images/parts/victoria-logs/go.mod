// VictoriaLogs 1.24.0. Its own repository, in which 1.25.0 and everything later was released, offers no Go module that a
// proxy serves; the newest source to be had is the one that VictoriaMetrics 1.121.0 still carries. The change log in that
// module ends with v1.24.0 of 2025-06-20 and two repaired faults of the web UI and rate_sum behind it. It has the cluster
// roles, -insert.disable and -select.disable; it lacks what came with 1.25.1, such as the vl_insert_remote_* metrics.
// A module of its own, because 1.150.0 has no VictoriaLogs and one go.mod holds one version.
module mirador.local/parts/victoria-logs

go 1.26.0

require (
	github.com/VictoriaMetrics/VictoriaMetrics v1.121.0 // indirect
	github.com/VictoriaMetrics/easyproto v0.1.4 // indirect
	github.com/VictoriaMetrics/metrics v1.37.0 // indirect
	github.com/VictoriaMetrics/metricsql v0.84.6 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/golang/snappy v1.0.0 // indirect
	github.com/klauspost/compress v1.18.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fastjson v1.6.4 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/fasttemplate v1.2.2 // indirect
	github.com/valyala/gozstd v1.22.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	github.com/valyala/quicktemplate v1.8.0 // indirect
	golang.org/x/oauth2 v0.30.0 // indirect
	golang.org/x/sys v0.33.0 // indirect
)

tool (
	github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs
	github.com/VictoriaMetrics/VictoriaMetrics/app/vlagent
)
