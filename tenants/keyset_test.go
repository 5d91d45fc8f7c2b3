package tenants_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

// issuer serves a key set that can be changed.
type issuer struct {
	*httptest.Server

	fetches atomic.Int32
	mu      sync.Mutex
	answer  func(w http.ResponseWriter, r *http.Request)
}

func newIssuer(t *testing.T, keys ...keyPair) *issuer {
	t.Helper()
	i := &issuer{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		answer := i.answer
		i.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(i.Close)
	i.serve(t, keys...)
	return i
}

func (i *issuer) answerWith(answer func(w http.ResponseWriter, r *http.Request)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

func (i *issuer) serve(t *testing.T, keys ...keyPair) {
	t.Helper()
	set := jwkset.NewMemoryStorage()
	for _, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key.public, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: key.id}})
		require.NoError(t, err)
		require.NoError(t, set.KeyWrite(t.Context(), jwk))
	}
	body, err := set.JSONPublic(t.Context())
	require.NoError(t, err)
	i.answerWith(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
}

func (i *issuer) settings() config.JWT {
	return config.JWT{JWKSURL: i.URL, Issuer: "tenantry", Audience: "tenantry", TenantClaim: "tenant", RolesClaim: "roles"}
}

// signAs signs with a key and names it.
func signAs(t *testing.T, method jwt.SigningMethod, private any, id string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, goodClaims())
	if id != "" {
		token.Header["kid"] = id
	}
	signed, err := token.SignedString(private)
	require.NoError(t, err)
	return signed
}

func TestKeySetVerifiesEachKindOfKey(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	verifier := verifierOf(t, newIssuer(t, keys...).settings())
	for _, key := range keys {
		for _, id := range []string{key.id, ""} {
			claims, err := verifier.Verify(signAs(t, key.method, key.private, id))
			require.NoError(t, err, key.id)
			require.Equal(t, "acme", claims.Tenant)
		}
	}
	for _, key := range keys {
		for _, other := range keys {
			if other.id == key.id {
				continue
			}
			_, err := verifier.Verify(signAs(t, key.method, key.private, other.id))
			require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "signed with %s, named %s", key.id, other.id)
		}
		// The public key is public: it must not do as a secret.
		_, err := verifier.Verify(signAs(t, jwt.SigningMethodHS256, pemOf(t, key.public), key.id))
		require.Equal(t, fault.Unauthenticated, fault.KindOf(err))
	}
	_, err := verifier.Verify(signAs(t, jwt.SigningMethodPS256, keys[0].private, keys[0].id))
	require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "an algorithm that is not on the list")
}

func TestKeySetRotation(t *testing.T) {
	t.Parallel()
	keys, next := newKeys(t), newKeys(t)
	issuer := newIssuer(t, keys[1])
	verifier := verifierOf(t, issuer.settings())
	old := signAs(t, keys[1].method, keys[1].private, "ec")
	_, err := verifier.Verify(old)
	require.NoError(t, err)

	next[1].id = "ec-2"
	issuer.serve(t, next[1])
	_, err = verifier.Verify(signAs(t, next[1].method, next[1].private, "ec-2"))
	require.NoError(t, err, "the unknown key id made it fetch the keys")
	_, err = verifier.Verify(old)
	require.Error(t, err, "a withdrawn key is gone")
}

func TestASlowIssuerDelaysARequestBriefly(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	issuer := newIssuer(t)
	verifier := verifierOf(t, issuer.settings())
	release := make(chan struct{})
	issuer.answerWith(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	began := time.Now()
	_, err := verifier.Verify(signAs(t, keys[1].method, keys[1].private, "ec"))
	require.Error(t, err)
	require.Less(t, time.Since(began), time.Second)
}

func TestAFetchThatCameTooLateIsKept(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	issuer := newIssuer(t)
	verifier := verifierOf(t, issuer.settings())
	issuer.serve(t, keys[1])
	serve := issuer.answer
	issuer.answerWith(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(200 * time.Millisecond):
			serve(w, r)
		case <-r.Context().Done():
		}
	})
	token := signAs(t, keys[1].method, keys[1].private, "ec")
	_, err := verifier.Verify(token)
	require.Error(t, err)
	verified := func() bool { _, err := verifier.Verify(token); return err == nil }
	require.Eventually(t, verified, 5*time.Second, time.Millisecond)
}

func TestMadeUpKeyIDsDoNotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	issuer := newIssuer(t, keys...)
	verifier := verifierOf(t, issuer.settings())
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := verifier.Verify(signAs(t, keys[1].method, keys[1].private, "made-up")); err == nil {
				t.Error("verified")
			}
		})
	}
	group.Wait()
	require.LessOrEqual(t, issuer.fetches.Load(), int32(3))
}

func TestABrokenIssuerKeepsTheKeysThatAreKnown(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"error":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[],"x":"`))
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(t, keys...)
			verifier := verifierOf(t, issuer.settings())
			issuer.answerWith(answer)
			_, err := verifier.Verify(signAs(t, keys[1].method, keys[1].private, "made-up"))
			require.Error(t, err)
			_, err = verifier.Verify(signAs(t, keys[1].method, keys[1].private, "ec"))
			require.NoError(t, err)
		})
	}
}

func TestAnIssuerThatIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	issuer := newIssuer(t)
	issuer.answerWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	verifier := verifierOf(t, issuer.settings())
	issuer.serve(t, keys...)
	token := signAs(t, keys[0].method, keys[0].private, "rsa")
	verified := func() bool { _, err := verifier.Verify(token); return err == nil }
	require.Eventually(t, verified, 5*time.Second, time.Millisecond)
}

func TestEncryptionKeysDoNotVerify(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	jwk, err := jwkset.NewJWKFromKey(keys[0].public, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "rsa", USE: jwkset.UseEnc}})
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"keys": []any{jwk.Marshal()}})
	require.NoError(t, err)
	issuer := newIssuer(t)
	issuer.answerWith(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	verifier := verifierOf(t, issuer.settings())
	_, err = verifier.Verify(signAs(t, keys[0].method, keys[0].private, "rsa"))
	require.Error(t, err)
	_, err = verifier.Verify(signAs(t, keys[0].method, keys[0].private, ""))
	require.Error(t, err, "also without a key id")
}
