package governed

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/decide"
	"stead/internal/gateway/wiretest"
)

// TestKeptStatements: what the engine prepared is used again, and never for other data, other
// decisions or another table under the same name.
func TestKeptStatements(t *testing.T) {
	h := startHouse(t)
	w := wiretest.Speak(t, h.as(t, "ana:secret"))
	count := func(want string) {
		t.Helper()
		w.Expect("bound "+want+" [SELECT 1] I", 1, &pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("1000")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	}
	w.Expect("parsed I", 1, &pgproto3.Parse{Name: "s", Query: "select count(*) from demo.hr where id < $1", ParameterOIDs: []uint32{23}}, &pgproto3.Sync{})
	count("100")
	count("100")
	w.Expect("bound 0 [SELECT 1] I", 1, &pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{nil}}, &pgproto3.Execute{}, &pgproto3.Sync{})
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
		w.Expect(fmt.Sprintf("parsed bound %d [SELECT 1] I", i%2), 1, &pgproto3.Parse{Name: name, Query: fmt.Sprintf("select count(*) from demo.hr where id = %d", 3*(i%2)-(1-i%2))},
			&pgproto3.Bind{PreparedStatement: name}, &pgproto3.Execute{}, &pgproto3.Sync{})
	}
	count("100")
	h.change(decide.Delta{DeletedPolicies: []int64{1}})
	w.Expect("bound !42P01 I", 1, &pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("1000")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
}
