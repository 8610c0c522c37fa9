package store

import (
	"strings"

	"stead"
)

// KeyOf joins the parts of a composed key with U+001F, which no part may contain.
func KeyOf(parts ...string) string { return strings.Join(parts, "\x1f") }

// IdentityKey is the key of an identity: IAM and canonical user name.
func IdentityKey(iam, name string) string { return KeyOf(iam, name) }

// GroupKey is the key of a group: IAM and name.
func GroupKey(iam, name string) string { return KeyOf(iam, name) }

// SourceKey is the key of a data source: connection key and path.
func SourceKey(o stead.Object) string { return KeyOf(append([]string{o.Connection}, o.Path...)...) }

// SubscriptionKey is the key of a subscription: source and principal.
func SubscriptionKey(o stead.Object, p stead.Principal) string {
	return KeyOf(SourceKey(o), string(p.Kind), p.IAM, p.Name)
}
