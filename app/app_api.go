package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// startAPI starts the HTTP door and what it needs for itself: the resolver's memory and the keys.
func (a *App) startAPI(ctx context.Context) error {
	if !a.config.API {
		return nil
	}
	resolver := tenants.NewResolver(a.service.Registry())
	resolving := a.inBackground(ctx, "the resolver", resolver.Run)
	a.parts = append(a.parts, resolving)

	verifier, err := tenants.NewVerifier(ctx, a.config.Settings.JWT)
	if err != nil {
		return fmt.Errorf("prepare the verifier of tokens: %w", err)
	}
	a.opened("the verifier", func(context.Context) error { verifier.Close(); return nil })
	return a.serve(ctx, a.httpConfig(resolver, verifier))
}

func (a *App) httpConfig(resolver *tenants.Resolver, verifier *tenants.Verifier) HTTPConfig {
	settings := a.config.Settings
	return HTTPConfig{
		Set: a.set, Clusters: a.clusters, Tenants: a.service, Resolver: resolver, Verifier: verifier,
		Broker: a.brokerHealth, Log: a.log, Version: a.config.Version,
		RequestTimeout: settings.RequestTimeout, MaxBodyBytes: settings.MaxBodyBytes,
	}
}

// serve listens and answers until the role is stopped, which lets running requests finish.
func (a *App) serve(ctx context.Context, config HTTPConfig) error {
	listener, err := listen(ctx, a.config.Settings.Listen, "API", "--listen")
	if err != nil {
		return err
	}
	a.apiAddress = listener.Addr()
	server, _ := NewHTTP(config) //nolint:contextcheck // each request brings its own
	serving := a.inBackground(ctx, "the API", func(context.Context) error { return server.Listener(listener) })
	a.roles = append(a.roles, stopper{"the API", func(ctx context.Context) error {
		if err := server.ShutdownWithContext(ctx); err != nil {
			return fmt.Errorf("finish the requests: %w", err)
		}
		return serving.stop(ctx)
	}})
	return nil
}

// listen takes an address, or says in one sentence why it cannot and which flag to change.
func listen(ctx context.Context, address, what, flag string) (net.Listener, error) {
	var network net.ListenConfig
	listener, err := network.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "listen_refused",
			"The %s cannot listen on %s: stop the program there, or choose another address with %s.",
			what, address, flag).Because(err)
	}
	return listener, nil
}

// CheckListen says before a long start what would refuse it at its end.
func CheckListen(ctx context.Context, address, what, flag string) error {
	listener, err := listen(ctx, address, what, flag)
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return fmt.Errorf("try %s: %w", address, err)
	}
	return nil
}

// urlOf is how this machine reaches a listener.
func urlOf(address net.Addr) string {
	if address == nil {
		return ""
	}
	text := address.String()
	if all, err := netip.ParseAddrPort(text); err == nil && all.Addr().IsUnspecified() {
		text = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), all.Port()).String()
	}
	return "http://" + text
}
