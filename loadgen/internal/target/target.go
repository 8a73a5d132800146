// Package target keeps the generator inside test networks: it is made to hurt what it is pointed at.
package target

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

var (
	testNetwork = netip.MustParsePrefix("10.77.0.0/16")
	runID       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// CheckHost accepts loopback and test addresses. Names other than localhost are refused: what they resolve to can change.
func CheckHost(host string) error {
	if host == "localhost" {
		return nil
	}
	address, err := netip.ParseAddr(host)
	if err == nil && (address.Unmap().IsLoopback() || testNetwork.Contains(address.Unmap())) {
		return nil
	}
	return fmt.Errorf("host %q is neither loopback nor in %s", host, testNetwork)
}

// CheckAuthority accepts host:port.
func CheckAuthority(authority string) error {
	parsed, err := url.Parse("//" + authority)
	if err != nil || parsed.Port() == "" || parsed.Host != authority {
		return fmt.Errorf("%q is not host:port", authority)
	}
	return CheckHost(parsed.Hostname())
}

// ParseURL accepts http(s)://host[:port][/path] and drops a trailing slash.
func ParseURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil {
		return nil, err
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an http:// or https:// URL", text)
	}
	return parsed, CheckHost(parsed.Hostname())
}

// CheckRun accepts ids that need no quoting in LogsQL and PromQL.
func CheckRun(id string) error {
	if runID.MatchString(id) {
		return nil
	}
	return fmt.Errorf("run id %q must match %s", id, runID)
}

// Transport never leaves the checked host: the environment's proxy is ignored.
func Transport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	// A gzip answer would only cost the shared cores.
	transport.DisableCompression = true
	return transport
}

// StayOnHost is a http.Client.CheckRedirect: a redirect is an answer like any other.
func StayOnHost(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
