package govern

import (
	"context"
	"strings"
	"unicode/utf8"

	"stead"
	"stead/internal/keys"
)

// storeCredential opens stead's own store: who administers connections could send it anywhere.
const storeCredential = "store"

// maxCredential is how many bytes a credential may have.
const maxCredential = 8 << 10

// SetCredential gives a credential of connections its text, which is never given back. The act is recorded before it is
// done, the text nowhere. For APPLICATION_ADMIN.
func (s *Service) SetCredential(ctx context.Context, c Caller, keeper keys.Credentials, name, text string) error {
	return s.credential(ctx, c, name, Update, func() error {
		if text == "" || len(text) > maxCredential || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r\n") {
			return invalid("secret", "is empty, longer than %d bytes, or not one line of UTF-8", maxCredential)
		}
		return nil
	}, func() error { return keeper.SetCredential(ctx, name, text) })
}

// DeleteCredential forgets a credential; one that is not kept is stead.NotFound. For APPLICATION_ADMIN.
func (s *Service) DeleteCredential(ctx context.Context, c Caller, keeper keys.Credentials, name string) error {
	return s.credential(ctx, c, name, Delete, func() error { return nil }, func() error { return keeper.DeleteCredential(ctx, name) })
}

// credential records, then acts: the keeper has no part in the store's transaction. What then fails is recorded too.
func (s *Service) credential(ctx context.Context, c Caller, name string, op Op, check, act func() error) error {
	var done stead.Record
	_, err := s.update(ctx, c, func(t *tx) error {
		if err := t.need("change credentials", stead.ApplicationAdmin); err != nil {
			return err
		}
		if err := checkCredentialName("name", name); err != nil {
			return err
		}
		if err := check(); err != nil {
			return err
		}
		done = t.record(op, "credential", name)
		return t.Record(ctx, done)
	})
	if err != nil {
		return err
	}
	failed := act()
	if failed == nil {
		return nil
	}
	_, err = s.update(ctx, c, func(t *tx) error {
		r := t.record(op, "credential", name)
		r.Status, r.Reason = stead.Failure, stead.AsError(failed).Message
		return t.Record(ctx, r)
	})
	if err != nil {
		return err
	}
	return failed
}

// checkCredentialName keeps names to what is one file and one environment variable.
func checkCredentialName(path, name string) error {
	ok := name != "" && len(name) <= 64
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || i > 0 && strings.IndexByte("._-/", c) >= 0
	}
	if strings.EqualFold(name, storeCredential) {
		return invalid(path, "the credential %q is that of stead's own store", name).WithHint("choose another name; an operator gives that one to the keeper itself")
	}
	if !ok {
		return invalid(path, "%q is not a credential's name", shorten(name)).
			WithHint("use up to 64 letters, digits, dots, underscores, dashes and slashes, beginning with a letter or digit")
	}
	return nil
}
