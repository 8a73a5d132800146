package target

import "testing"

func TestHosts(t *testing.T) {
	for host, allowed := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "localhost": true, "10.77.0.11": true, "::ffff:10.77.1.2": true,
		"10.78.0.1": false, "192.168.0.1": false, "8.8.8.8": false, "example.com": false, "": false, "0.0.0.0": false,
	} {
		if err := CheckHost(host); (err == nil) != allowed {
			t.Errorf("%q: allowed %v, got %v", host, allowed, err)
		}
	}
}

func TestAuthoritiesAndURLs(t *testing.T) {
	for authority, allowed := range map[string]bool{
		"127.0.0.1:4317": true, "[::1]:4317": true, "127.0.0.1": false, "10.0.0.1:1": false, "127.0.0.1:1/x": false, "a@127.0.0.1:1": false,
	} {
		if err := CheckAuthority(authority); (err == nil) != allowed {
			t.Errorf("%q: allowed %v, got %v", authority, allowed, err)
		}
	}
	for text, allowed := range map[string]bool{
		"http://127.0.0.1:8481/select/0/prometheus/": true, "https://10.77.0.1": true, "ftp://127.0.0.1": false, "http://10.0.0.1": false,
	} {
		if _, err := ParseURL(text); (err == nil) != allowed {
			t.Errorf("%q: allowed %v, got %v", text, allowed, err)
		}
	}
}
