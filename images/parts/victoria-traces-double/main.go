// Victoria-traces-double is a test double of VictoriaTraces. It is not VictoriaTraces.
//
// Where the real program cannot be had, the tests and the demo of Mirador Stack run this one in its place: it takes the
// flags of VictoriaTraces 0.1, has its three roles, keeps spans on disk and answers the queries that the checks of the
// product ask. Everything else it refuses with "test double: unsupported". A plain deploy never uses it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

const version = "victoria-traces-double-0.1.0 (test double, not VictoriaTraces)"

func main() {
	settings, err := parseFlags(os.Args[1:], flag.ExitOnError) // an unknown flag ends the program with status 2
	if err != nil {
		fatal("%s", err)
	}
	if settings.printVersion {
		fmt.Println(version)
		return
	}
	if settings.loggerFormat == "json" {
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	}
	// Twice the live heap would break a container limit that fits the real program.
	debug.SetGCPercent(50)
	if err := serve(settings); err != nil {
		fatal("%s", err)
	}
}

// fatal ends the program as the real one ends when its flags make no sense.
func fatal(format string, args ...any) {
	slog.Error(fmt.Sprintf(format, args...))
	os.Exit(255)
}

func serve(settings *settings) error {
	started := time.Now()
	a := &app{settings: settings, started: started, turns: make(chan struct{}, max(1, settings.maxConcurrent))}
	if len(settings.storageNodes) > 0 {
		group := newCluster(settings.storageNodes)
		a.source, a.sink = group, group
	} else {
		opened, err := openStore(storeOptions{
			path:            settings.dataPath,
			retention:       settings.retention.Duration,
			futureRetention: settings.futureRetention.Duration,
			flushInterval:   max(10*time.Millisecond, settings.flushInterval),
			minFreeBytes:    int64(settings.minFreeBytes),
			maxUsageBytes:   int64(settings.maxUsageBytes),
		})
		if err != nil {
			return err
		}
		a.source, a.sink, a.store = opened, opened, opened
	}
	server := &http.Server{Addr: settings.listenAddr, Handler: a.routes(), ReadHeaderTimeout: 30 * time.Second}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	broken := make(chan error, 1)
	go func() { broken <- server.ListenAndServe() }()
	slog.Info("started "+version, "httpListenAddr", settings.listenAddr, "role", a.role(), "seconds", time.Since(started).Seconds())
	select {
	case err := <-broken:
		return err
	case sig := <-stop:
		slog.Info("stopping", "signal", sig.String())
	}
	return a.shutdown(server)
}

// shutdown shows the balancer first that it should go elsewhere, finishes what is in flight and writes what waits.
func (a *app) shutdown(server *http.Server) error {
	end := time.Now().Add(a.settings.shutdownDelay)
	a.shutdownAt.Store(&end)
	time.Sleep(a.settings.shutdownDelay)
	ctx, cancel := context.WithTimeout(context.Background(), a.settings.maxGracefulShutdown)
	defer cancel()
	err := server.Shutdown(ctx)
	if a.store != nil {
		err = errors.Join(err, a.store.close())
	}
	slog.Info("stopped")
	return err
}
