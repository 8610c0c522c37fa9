package system

import "testing"

func TestPoolersAreAddresses(t *testing.T) {
	for _, good := range []string{"10.0.0.1", "10.0.0.0/24", "::1", "fd00::/8", "local"} {
		if got, err := poolerStatements([]string{good}); err != nil || len(got) != 2 {
			t.Error(good, got, err)
		}
	}
	for _, bad := range []string{"", "pooler.example.com", "10.0.0.1:6432", "fe80::1%eth0", "10.0.0.1'); DROP TABLE x; --", "10.0.0.0/33"} {
		if got, err := poolerStatements([]string{bad}); err == nil {
			t.Error(bad, got)
		}
	}
}
