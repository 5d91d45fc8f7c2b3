package tenants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	// keySetTimeout bounds one fetch of the keys, and maxKeySet its size.
	keySetTimeout = 5 * time.Second
	maxKeySet     = 1 << 20
	// keySetInterval is how often the keys are fetched anyway, so that a withdrawn one ends.
	keySetInterval = 5 * time.Minute
	// keySetPause is the least time between two fetches that unknown key ids cause: anybody can make up
	// key ids.
	keySetPause = time.Second
	// unknownKeyWait is how long a request waits for a fetch to bring the key of its token.
	unknownKeyWait = 100 * time.Millisecond
)

// keySet holds the issuer's keys. One goroutine fetches them; a token with an unknown key id asks it to
// and waits a little, so that a slow issuer delays a request only briefly, and the fetch is finished
// nevertheless.
type keySet struct {
	jwkset.Storage

	url     string
	client  *http.Client
	keyfunc jwt.Keyfunc
	wanted  chan struct{}
	stop    context.CancelFunc
	done    chan struct{}

	mu      sync.Mutex
	fetched chan struct{} // closed by the next fetch that ends
	failure error         // why the last fetch failed
}

func openKeySet(ctx context.Context, address string) (*keySet, error) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	k := &keySet{
		Storage: jwkset.NewMemoryStorage(), url: address, client: keySetClient(),
		wanted: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), fetched: make(chan struct{}),
	}
	functions, err := keyfunc.New(keyfunc.Options{Ctx: run, Storage: k, UseWhitelist: []jwkset.USE{"", jwkset.UseSig}})
	if err != nil {
		stop()
		return nil, fmt.Errorf("open the key set: %w", err)
	}
	k.keyfunc = functions.Keyfunc
	k.fetch(ctx)
	go k.run(run)
	return k, nil
}

// keySetClient follows no redirects, which could lead anywhere, and reads no endless answers.
func keySetClient() *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: keySetTimeout, ForceAttemptHTTP2: true}
	return &http.Client{
		Timeout:       keySetTimeout,
		Transport:     boundedTransport{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type boundedTransport struct{ *http.Transport }

// RoundTrip cuts the answer off at its largest size, which makes it invalid JSON.
func (t boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.Transport.RoundTrip(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport passes errors on
	}
	response.Body = boundedBody{io.LimitReader(response.Body, maxKeySet), response.Body}
	return response, nil
}

type boundedBody struct {
	io.Reader
	io.Closer
}

func (k *keySet) close() {
	k.stop()
	<-k.done
	k.client.CloseIdleConnections()
}

func (k *keySet) run(ctx context.Context) {
	defer close(k.done)
	ticker := time.NewTicker(keySetInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-k.wanted:
		}
		k.fetch(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(keySetPause):
		}
	}
}

// fetch replaces the keys. When it fails those that are known stay, and whoever needs another is
// refused; the next unknown key id makes it try again.
func (k *keySet) fetch(ctx context.Context) {
	_, err := jwkset.NewStorageFromHTTP(k.url, jwkset.HTTPClientStorageOptions{
		Client: k.client, Ctx: ctx, HTTPTimeout: keySetTimeout, Storage: k.Storage,
	})
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err // without the URL, which may hold credentials
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failure = err
	close(k.fetched)
	k.fetched = make(chan struct{})
}

// KeyRead finds the key of an id. It asks for the keys anew when there is none, and waits a little.
func (k *keySet) KeyRead(ctx context.Context, id string) (jwkset.JWK, error) {
	fetched, _ := k.state()
	if key, err := k.Storage.KeyRead(ctx, id); err == nil {
		return key, nil
	}
	select {
	case k.wanted <- struct{}{}:
	default: // a fetch is asked for already
	}
	select {
	case <-fetched:
	case <-time.After(unknownKeyWait):
	}
	key, err := k.Storage.KeyRead(ctx, id)
	if _, failure := k.state(); err != nil && failure != nil {
		return key, fmt.Errorf("%w, and the key set cannot be fetched: %w", err, failure)
	}
	return key, err //nolint:wrapcheck // this is a storage too
}

// state returns what the next fetch will close, and why the last one failed.
func (k *keySet) state() (fetched <-chan struct{}, failure error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fetched, k.failure
}

// KeyReadAll returns the keys that a token without a key id is tried with: those for signatures.
func (k *keySet) KeyReadAll(ctx context.Context) ([]jwkset.JWK, error) {
	all, err := k.Storage.KeyReadAll(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // this is a storage too
	}
	return slices.DeleteFunc(all, func(key jwkset.JWK) bool {
		use := key.Marshal().USE
		return use != "" && use != jwkset.UseSig
	}), nil
}
