// VictoriaMetrics 1.154.1, the pin of lib/images/catalog.ts itself, as the single binary and as vmagent. It needs a newer Go
// than 1.26; the go command fetches the one named below from the module proxy. Two libraries of upstream's own are another
// release than its go.mod names, because no proxy serves those: metricsql 0.87.4 for 0.87.5 and metrics 1.45.0 for 1.44.1.
// The cluster's three programs are tags that no proxy serves as a module. 1.153.0 must not be built without CGO, as these are:
// its storage may crash (upstream issue 11683, mended in 1.154.0).
module mirador.local/parts/victoria-metrics

go 1.27.2

toolchain go1.27.3

tool (
	github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics
	github.com/VictoriaMetrics/VictoriaMetrics/app/vmagent
)

require (
	cloud.google.com/go/compute/metadata v0.10.0 // indirect
	github.com/VictoriaMetrics/VictoriaMetrics v1.154.1 // indirect
	github.com/VictoriaMetrics/easyproto v1.2.0 // indirect
	github.com/VictoriaMetrics/fastcache v1.13.3 // indirect
	github.com/VictoriaMetrics/metrics v1.45.0 // indirect
	github.com/VictoriaMetrics/metricsql v0.87.5 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/golang/snappy v1.0.0 // indirect
	github.com/klauspost/compress v1.20.1 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/fasttemplate v1.2.2 // indirect
	github.com/valyala/gozstd v1.26.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	github.com/valyala/quicktemplate v1.8.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	gopkg.in/yaml.v2 v2.4.0 // indirect
)

replace github.com/VictoriaMetrics/metricsql v0.87.5 => github.com/VictoriaMetrics/metricsql v0.87.4
