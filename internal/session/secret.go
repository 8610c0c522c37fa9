package session

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"stead"
	"stead/internal/store"
)

// Iterations of SCRAM for every identity, real or made up: a count of its own would tell them apart.
const Iterations = 15000

// PasswordCredential names the password among an identity's credentials; API keys are "apikey/<id>".
const PasswordCredential = "password"

const keyCredential = "apikey/"

var secretText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// KeyCredential names an API key among an identity's credentials.
func KeyCredential(id int64) string { return keyCredential + strconv.FormatInt(id, 10) }

// KeyOfCredential returns the API key's id, and false for other credentials.
func KeyOfCredential(credential string) (int64, bool) {
	text, ok := strings.CutPrefix(credential, keyCredential)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && KeyCredential(id) == credential
}

// NewKeySecret makes the secret of the API key with the id: 256 random bits.
func NewKeySecret(id int64) string {
	var b [32]byte
	rand.Read(b[:])
	return "stead_" + strconv.FormatInt(id, 36) + "_" + secretText.EncodeToString(b[:])
}

// ParseKeySecret returns the id that a secret claims. It proves nothing.
func ParseKeySecret(secret string) (id int64, ok bool) {
	rest, ok := strings.CutPrefix(secret, "stead_")
	if !ok || len(secret) > 128 {
		return 0, false
	}
	number, random, ok := strings.Cut(rest, "_")
	if !ok || len(random) != 52 {
		return 0, false
	}
	id, err := strconv.ParseInt(number, 36, 64)
	return id, err == nil && id > 0
}

// KeyHash is what is kept of an API key.
func KeyHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// NewSalt makes the SCRAM salt of an identity.
func NewSalt() []byte {
	salt := make([]byte, 16)
	rand.Read(salt)
	return salt
}

// NewEntry derives what is kept of a credential's secret for SCRAM-SHA-256 (RFC 5802).
func NewEntry(credential, secret string, salt []byte, expires *time.Time) (store.VerifierEntry, error) {
	salted, err := pbkdf2.Key(sha256.New, norm.NFKC.String(secret), salt, Iterations, sha256.Size)
	if err != nil {
		return store.VerifierEntry{}, stead.AsError(err)
	}
	stored := sha256.Sum256(MAC(salted, "Client Key"))
	return store.VerifierEntry{Credential: credential, StoredKey: stored[:], ServerKey: MAC(salted, "Server Key"), Expires: expires}, nil
}

// MAC is HMAC-SHA-256.
func MAC(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// CheckPassword refuses passwords that are too short to withstand guessing, and those that clients are known to
// prepare differently for SCRAM, with which one could sign in from some clients only.
func CheckPassword(password string) error {
	bad := func(what string) error {
		return stead.Errorf(stead.Invalid, "the password %s", what).WithHint("use 12 to 256 letters, digits, signs and plain spaces")
	}
	switch {
	case !utf8.ValidString(password):
		return bad("is not valid UTF-8")
	case utf8.RuneCountInString(password) < 12 || len(password) > 256:
		return bad("is too short or too long")
	case norm.NFKC.String(password) != norm.NFC.String(password):
		return bad("holds characters that clients read differently")
	}
	for _, r := range password {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r != ' ' && unicode.IsSpace(r) || r == utf8.RuneError {
			return bad("holds a control or invisible character")
		}
	}
	return nil
}
