package govern

import (
	"context"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// FirstAdministrator is the user name of the identity that Bootstrap makes.
const FirstAdministrator = "admin"

// Bootstrap makes the first administrator, with every permission, and its API key, in a store that has no identity yet. The secret
// is returned once; it is empty when the store has identities already, and then nothing happens. For wiring only.
func (s *Service) Bootstrap(ctx context.Context) (secret string, err error) {
	_, err = s.store.Update(ctx, func(st store.Tx) error {
		secret = ""
		rows, err := st.List(ctx, store.Identities, 0, 1)
		if err != nil || len(rows) > 0 {
			return err
		}
		t := &tx{Tx: st, now: s.now().UTC(), caller: Caller{Actor: stead.Actor{Login: "system", Method: "local"}}}
		admin := stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: FirstAdministrator, DisplayName: "First administrator",
			Permissions: sorted(stead.Permissions())}
		o, err := put(ctx, t, store.Identities, store.Row{}, store.IdentityKey(admin.IAM, admin.Name), session.FormatName(admin.IAM, admin.Name), &admin)
		if err != nil {
			return err
		}
		admin.ID = stead.IdentityID(o.ID)
		o.Widens = []string{"holds every permission"}
		if _, err := t.done(ctx, o); err != nil {
			return err
		}
		secret, _, err = t.addKey(ctx, &admin, store.APIKey{Identity: admin.ID, Name: "first", Created: t.now})
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}
