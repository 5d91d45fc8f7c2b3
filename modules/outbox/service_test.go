package outbox_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// verbs are all that operators can do.
func verbs(service *outbox.Service) map[string]func(context.Context, tenants.Actor, string) error {
	return map[string]func(context.Context, tenants.Actor, string) error{
		"status": func(ctx context.Context, actor tenants.Actor, _ string) error {
			_, err := service.Status(ctx, actor, outbox.StatusFilter{})
			return err
		},
		"deliveries": func(ctx context.Context, actor tenants.Actor, slug string) error {
			_, err := service.Deliveries(ctx, actor, slug, outbox.DeliveryFilter{})
			return err
		},
		"replay": func(ctx context.Context, actor tenants.Actor, slug string) error {
			_, err := service.Replay(ctx, actor, slug, outbox.Selection{All: true})
			return err
		},
		"skip": func(ctx context.Context, actor tenants.Actor, slug string) error {
			_, err := service.Skip(ctx, actor, slug, uuid.NewString(), "strict")
			return err
		},
		"republish": func(ctx context.Context, actor tenants.Actor, slug string) error {
			_, err := service.Republish(ctx, actor, slug, outbox.Period{})
			return err
		},
		"pause": func(ctx context.Context, actor tenants.Actor, slug string) error {
			_, err := service.Pause(ctx, actor, slug)
			return err
		},
		"resume": func(ctx context.Context, actor tenants.Actor, slug string) error {
			_, err := service.Resume(ctx, actor, slug)
			return err
		},
	}
}

func TestEveryVerbIsForOperators(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	actor := tenant.Actor(tenants.Admin, tenants.Auditor, tenants.Member)
	for name, verb := range verbs(newService()) {
		require.Equal(t, fault.Forbidden, fault.KindOf(verb(t.Context(), actor, tenant.Slug)), name)
	}
	require.False(t, statusOf(t, tenant).Paused)
	rows, err := apptest.Superuser(t).Query(t.Context(),
		"select 1 from control.events where tenant_id = $1 and name like 'Outbox.%'", tenant.Tenant.ID)
	require.NoError(t, err)
	defer rows.Close()
	require.False(t, rows.Next())
}

func TestVerbsNeedATenantThatIsOnboarded(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, err := apptest.Superuser(t).Exec(t.Context(),
		"update control.tenants set status = 'provisioning' where id = $1", tenant.Tenant.ID)
	require.NoError(t, err)
	for name, verb := range verbs(newService()) {
		if name == "status" {
			continue // it is about all tenants
		}
		require.Equal(t, "tenant_status", fault.CodeOf(verb(t.Context(), apptest.Operator(), tenant.Slug)), name)
		require.Equal(t, "tenant_not_found", fault.CodeOf(verb(t.Context(), apptest.Operator(), "nobody")), name)
	}
}
