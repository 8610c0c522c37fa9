package govern

import (
	"testing"

	"stead"
)

// An owner without CREATE_DATA_SOURCE could otherwise make the table show the data of any other on the connection, without its policies.
func TestOwnersKeepTheLocation(t *testing.T) {
	w := newWorld(t)
	w.must(PutConnection{stead.Connection{Key: "wh", Platform: stead.Embedded, Address: "/data"}},
		PutIdentity{stead.Identity{Kind: stead.User, Name: "owner"}})
	d := hrSource().Source
	d.Owners = []stead.Principal{userPrincipal("owner")}
	w.must(PutSource{d})
	d.Description = "Described by its owner"
	if _, err := w.Apply(ctx, w.as("owner"), PutSource{d}); err != nil {
		t.Fatal(err)
	}
	d.Location = "payroll.parquet"
	if _, err := w.Apply(ctx, w.as("owner"), PutSource{d}); stead.CodeOf(err) != stead.Denied {
		t.Errorf("an owner points a table at other data: %v", err)
	}
	w.must(PutSource{d})
	w.must(PutIdentity{stead.Identity{Kind: stead.User, Name: "owner", Permissions: []stead.Permission{stead.CreateDataSource}}})
	d.Location = "hr.parquet"
	if _, err := w.Apply(ctx, w.as("owner"), PutSource{d}); err != nil {
		t.Error(err)
	}
}

// The data of somebody else's table could otherwise be seen under another name, without its policies.
func TestRegisteredDataIsNotRegisteredAgainByOthers(t *testing.T) {
	w := newWorld(t)
	w.must(PutConnection{stead.Connection{Key: "wh", Platform: stead.Embedded, Address: "/data"}},
		PutIdentity{stead.Identity{Kind: stead.User, Name: "other", Permissions: []stead.Permission{stead.CreateDataSource}}})
	d := hrSource().Source
	d.Location = "hr/people.parquet"
	w.must(PutSource{d})
	for _, location := range []string{"hr/people.parquet", "hr//people.parquet", "HR/People.parquet", "hr/*.parquet", "hr", "*/people.parquet", "hr/p[e]ople.parquet"} {
		again := d
		again.Path, again.Location, again.Tags = []string{"mine", "people"}, location, nil
		if _, err := w.Apply(ctx, w.as("other"), PutSource{again}); stead.CodeOf(err) != stead.Denied {
			t.Errorf("%s: %v", location, err)
		}
	}
	free := d
	free.Path, free.Location = []string{"mine", "people"}, "hr/people2.parquet"
	if _, err := w.Apply(ctx, w.as("other"), PutSource{free}); err != nil {
		t.Error(err)
	}
	again := d
	again.Path = []string{"main", "again"}
	w.must(PutSource{again})
}
