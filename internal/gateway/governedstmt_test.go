package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"stead"
	"stead/internal/decide"
)

// TestKeptStatements: what the engine prepared is used again, and never for other data, other
// decisions or another table under the same name.
func TestKeptStatements(t *testing.T) {
	h := startHouse(t)
	w := h.wire(t, "")
	count := func(want string) {
		t.Helper()
		w.expect("bound "+want+" [SELECT 1] I", 1, &bindMsg{PreparedStatement: "s", Parameters: [][]byte{[]byte("1000")}}, &executeMsg{}, &syncMsg{})
	}
	w.expect("parsed I", 1, &parseMsg{Name: "s", Query: "select count(*) from demo.hr where id < $1", ParameterOIDs: []uint32{23}}, &syncMsg{})
	count("100")
	count("100")
	w.expect("bound 0 [SELECT 1] I", 1, &bindMsg{PreparedStatement: "s", Parameters: [][]byte{nil}}, &executeMsg{}, &syncMsg{})
	count("100")

	h.mu.Lock()
	world := h.world
	h.mu.Unlock()
	lake, _ := world.Connection("lake")
	if err := os.WriteFile(filepath.Join(lake.Address, "hr.csv"), []byte("id,dept,ssn\n1,Sales,000000001\n2,HR,000000002\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	count("1")

	elsewhere := *world.Sources("lake")[0]
	elsewhere.Location = "secret.csv"
	h.change(decide.Delta{Sources: []*stead.DataSource{&elsewhere}})
	count("100")

	for i := range 3 * keptStmts {
		name := fmt.Sprint("s", i)
		w.expect(fmt.Sprintf("parsed bound %d [SELECT 1] I", i%2), 1, &parseMsg{Name: name, Query: fmt.Sprintf("select count(*) from demo.hr where id = %d", 3*(i%2)-(1-i%2))},
			&bindMsg{PreparedStatement: name}, &executeMsg{}, &syncMsg{})
	}
	count("100")
	h.change(decide.Delta{DeletedPolicies: []int64{1}})
	w.expect("bound !42P01 I", 1, &bindMsg{PreparedStatement: "s", Parameters: [][]byte{[]byte("1000")}}, &executeMsg{}, &syncMsg{})
}
