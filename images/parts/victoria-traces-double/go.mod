module mirador.local/parts/victoria-traces-double

go 1.26.0

require go.opentelemetry.io/proto/otlp v1.10.0

require google.golang.org/protobuf v1.36.11
