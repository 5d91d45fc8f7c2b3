package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// HandlerState is a handler as operators see it.
type HandlerState struct {
	// Name is the handler's.
	Name string
	// Events are the names of the events that it reacts to.
	Events []string
	// Destination is what it calls, which has a breaker; empty for a transactional one.
	Destination string
	// Registered is false for one that is paused and that this program does not know.
	Registered bool
	// PausedOn are the clusters whose workers do not call it: all of them, unless one was away when it was
	// paused or resumed.
	PausedOn []string
	// PausedAt is since when; nil when it is not paused.
	PausedAt *time.Time
}

// HandlerList is all handlers.
type HandlerList struct {
	// Handlers are in the order of their names.
	Handlers []HandlerState
	// Unavailable are the clusters that did not answer: what is paused there is not known.
	Unavailable []string
}

// handlerPause is what is recorded of a pause or its end.
type handlerPause struct {
	Handler string `json:"handler"`
}

// Handlers lists the handlers of the program, and those that are paused.
func (s *Service) Handlers(ctx context.Context, actor tenants.Actor) (HandlerList, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return HandlerList{}, err
	}
	states := make(map[string]*HandlerState)
	for _, h := range s.handlers {
		states[h.Name] = &HandlerState{Name: h.Name, Events: h.Events, Destination: destinationOf(h), Registered: true}
	}
	var list HandlerList
	for _, name := range s.clusters.Names() {
		paused, err := s.pausedOn(ctx, name)
		switch {
		case ctx.Err() != nil:
			return HandlerList{}, fmt.Errorf("list the handlers: %w", ctx.Err())
		case err != nil:
			list.Unavailable = append(list.Unavailable, name)
		}
		for handler, since := range paused {
			if states[handler] == nil {
				states[handler] = &HandlerState{Name: handler}
			}
			states[handler].pausedSince(name, since)
		}
	}
	for _, state := range states {
		list.Handlers = append(list.Handlers, *state)
	}
	slices.SortFunc(list.Handlers, func(a, b HandlerState) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (h *HandlerState) pausedSince(cluster string, since time.Time) {
	h.PausedOn = append(h.PausedOn, cluster)
	if h.PausedAt == nil || since.Before(*h.PausedAt) {
		h.PausedAt = &since
	}
}

func destinationOf(h workers.Handler) string {
	if h.External == nil || h.Destination != "" {
		return h.Destination
	}
	return h.Name
}

// PauseHandler stops calling a handler for all tenants of all clusters. Workers notice within a third of
// a lease's time. What it should get waits, in order and without spending attempts.
func (s *Service) PauseHandler(ctx context.Context, actor tenants.Actor, handler string) error {
	return s.changePause(ctx, actor, handler, "Handler.pause_requested", func(cluster *tenants.Cluster) (string, []any) {
		return `insert into dispatch.paused_handlers (handler, paused_at) values ($1, $2) on conflict do nothing`,
			[]any{handler, cluster.Now()}
	})
}

// ResumeHandler lets a handler get what has waited, in order. Workers notice as with PauseHandler.
func (s *Service) ResumeHandler(ctx context.Context, actor tenants.Actor, handler string) error {
	return s.changePause(ctx, actor, handler, "Handler.resume_requested", func(*tenants.Cluster) (string, []any) {
		return `delete from dispatch.paused_handlers where handler = $1`, []any{handler}
	})
}

// changePause goes on when a cluster is away, and says which: calling it again does what is missing.
func (s *Service) changePause(
	ctx context.Context, actor tenants.Actor, handler, event string, statement func(*tenants.Cluster) (string, []any),
) error {
	if err := s.requireHandler(ctx, actor, handler); err != nil {
		return err
	}
	if err := s.tenants.Record(ctx, actor, tenants.NoTenant, event, handlerPause{handler}); err != nil {
		return err
	}
	var away []string
	var cause error
	for _, name := range s.clusters.Names() {
		cluster, err := s.clusters.Get(name)
		if err != nil {
			return err
		}
		bounded, cancel := context.WithTimeout(ctx, statusTimeout)
		sql, args := statement(cluster)
		_, err = cluster.Pool().Exec(bounded, sql, args...)
		cancel()
		if err != nil {
			away, cause = append(away, name), err
		}
	}
	if len(away) == 0 {
		return nil
	}
	unavailable := fault.New(fault.Unavailable, "cluster_unavailable",
		"These clusters did not answer: %s. The others did; call it again.", strings.Join(away, ", ")).Because(cause)
	unavailable.RetryAfter = time.Second
	return unavailable
}

// requireHandler looks before anything is recorded. One that is paused is known, also when it is not in
// this program any more.
func (s *Service) requireHandler(ctx context.Context, actor tenants.Actor, handler string) error {
	if err := actor.Require(tenants.Operator); err != nil {
		return err
	}
	if handler == workers.BrokerName {
		return fault.New(fault.Invalid, "broker_is_no_handler",
			"The broker cannot be paused by itself, because no handler would get anything either: pause the tenants instead.")
	}
	known, err := s.Handlers(ctx, actor)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(known.Handlers, func(h HandlerState) bool { return h.Name == handler }) {
		return unknownHandler()
	}
	return nil
}

func unknownHandler() error {
	return fault.New(fault.NotFound, "handler_not_found", "No handler of this name is registered.")
}

// pausedOn are the handlers that are paused on a cluster, and since when.
func (s *Service) pausedOn(ctx context.Context, cluster string) (map[string]time.Time, error) {
	on, err := s.clusters.Get(cluster)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	rows, err := on.Pool().Query(ctx, "select handler, paused_at from dispatch.paused_handlers")
	if err != nil {
		return nil, fmt.Errorf("read the paused handlers of cluster %s: %w", cluster, err)
	}
	paused := make(map[string]time.Time)
	var handler string
	var since time.Time
	_, err = pgx.ForEachRow(rows, []any{&handler, &since}, func() error {
		paused[handler] = since
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the paused handlers of cluster %s: %w", cluster, err)
	}
	return paused, nil
}
