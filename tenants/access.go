package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

// AccessConfig is what the middleware needs.
type AccessConfig struct {
	// Verifier checks tokens.
	Verifier *Verifier
	// Resolver finds the tenant that a token names.
	Resolver *Resolver
	// Clusters lead to the tenants' data.
	Clusters *Clusters
	// CheckActor is what to ask in the tenant's schema before an actor is let in, in the first transaction of
	// the request's scope. A statement whose Read answers with a fault refuses; the answer is remembered for
	// less than a second. Nil when nobody is refused.
	CheckActor func(actor Actor) []Statement
	// Now is the clock of what is remembered. Default time.Now.
	Now func() time.Time
}

type contextKey int

const (
	requestIDKey contextKey = iota
	traceParentKey
	accessKey
	operatorKey
)

// access is what the middleware leaves in a request's context.
type access struct {
	actor Actor
	scope *Scope
}

var errNoAccess = errors.New("tenants: the route has no access middleware")

// WithRequestID returns a context that carries the request's id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey, id)
}

// RequestID returns the request's id, empty when the context has none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// WithTraceParent returns a context that carries the request's W3C trace context.
func WithTraceParent(ctx context.Context, traceParent string) context.Context {
	return context.WithValue(ctx, traceParentKey, traceParent)
}

// TraceParent returns the request's W3C trace context, empty when there is none.
func TraceParent(ctx context.Context) string {
	traceParent, _ := ctx.Value(traceParentKey).(string)
	return traceParent
}

// Access returns who asks and the way to the tenant's data. A door takes them out of the context once;
// below it they are arguments.
func Access(ctx context.Context) (Actor, *Scope, error) {
	found, ok := ctx.Value(accessKey).(access)
	if !ok {
		return Actor{}, nil, errNoAccess
	}
	return found.actor, found.scope, nil
}

// OperatorFrom returns the operator who asks.
func OperatorFrom(ctx context.Context) (Actor, error) {
	actor, ok := ctx.Value(operatorKey).(Actor)
	if !ok {
		return Actor{}, errNoAccess
	}
	return actor, nil
}

// admit turns a tenant's token into an actor and a scope.
func (c AccessConfig) admit(ctx context.Context, checks *actorChecks, token string) (access, error) {
	claims, err := c.Verifier.Verify(token)
	if err != nil {
		return access{}, err
	}
	if claims.Tenant == "" {
		return access{}, fault.New(fault.Forbidden, "forbidden", "An operator's token reaches no tenant's data.")
	}
	tenant, err := c.Resolver.Resolve(ctx, claims.Tenant)
	if fault.KindOf(err) == fault.NotFound {
		return access{}, unauthenticated(err)
	}
	if err != nil {
		return access{}, err
	}
	if err := open(tenant.Status); err != nil {
		return access{}, err
	}
	cluster, err := c.Clusters.Get(tenant.Cluster)
	if err != nil {
		return access{}, fmt.Errorf("admit a request: %w", err)
	}
	actor := claims.actor(ctx)
	actor.TenantID = tenant.ID
	scope, err := checks.scope(cluster.Scope(tenant.Placement()), actor)
	if err != nil {
		return access{}, err
	}
	return access{actor: actor, scope: scope}, nil
}

func (c AccessConfig) admitOperator(ctx context.Context, token string) (Actor, error) {
	claims, err := c.Verifier.Verify(token)
	if err != nil {
		return Actor{}, err
	}
	actor := claims.actor(ctx)
	return actor, actor.Require(Operator)
}

func (c Claims) actor(ctx context.Context) Actor {
	return Actor{UserID: c.Subject, Roles: c.Roles, RequestID: RequestID(ctx), TraceParent: TraceParent(ctx)}
}

// open reports whether the doors of a tenant with this status are open.
func open(status Status) error {
	switch status {
	case Active:
		return nil
	case Suspended:
		return fault.New(fault.Forbidden, "tenant_suspended", "The tenant is suspended.")
	default:
		return fault.New(fault.Forbidden, "tenant_unavailable", "The tenant is %s.", status)
	}
}
