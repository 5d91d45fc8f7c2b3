package tenants

import (
	"context"
	"time"
)

// StopAfter makes the service call stop after every step of an onboarding, as a crash would come.
func (s *Service) StopAfter(stop func(ctx context.Context, step string) error) { s.afterStep = stop }

// OnboardSteps are the steps of an onboarding.
func OnboardSteps() []string {
	return []string{stepRegistered, stepMigrated, stepPlaced, stepPrepared, stepActivated}
}

// SetClock gives the resolver another clock.
func (r *Resolver) SetClock(now func() time.Time) { r.clock = now }

// Poll asks once for what changed.
func (r *Resolver) Poll(ctx context.Context) error { return r.poll(ctx) }

// Known reports whether the resolver remembers a tenant.
func (r *Resolver) Known(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID.Contains(id)
}

// BeginPoll and EndPoll are the two halves of a poll that sees nothing.
func (r *Resolver) BeginPoll() { r.beginPoll() }

// EndPoll ends a poll that saw nothing.
func (r *Resolver) EndPoll() { r.endPoll(r.clock(), r.snapshot, r.snapshot, nil, nil) }
