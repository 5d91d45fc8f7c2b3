package workers_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/workers"
)

var errRefused = errors.New("refused")

// answering is a handler that always answers the same.
func answering(name string, answer error) workers.Handler {
	return workers.Handler{Name: name, Events: []string{"*"}, External: func(context.Context, workers.Event) error { return answer }}
}

func TestAHandlerSaysWhenItIsToBeTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 1, 1)
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{
		answering("later", workers.RetryAfter(time.Hour, errRefused)),
		answering("for ever", workers.RetryAfter(1000*time.Hour, errRefused)),
		answering("never", workers.Never(errRefused)),
	}})
	eventually(t, func() bool { return l.count(`select count(*) from %s.deliveries`, tenant.SchemaName) == 3 })
	const wait = `select (extract(epoch from next_attempt_at - created_at) / 60)::integer from %s.deliveries where handler = '%s'`
	require.InDelta(t, 60, l.count(wait, tenant.SchemaName, "later"), 1)
	require.InDelta(t, 24*60, l.count(wait, tenant.SchemaName, "for ever"), 1)
	for handler, status := range map[string]string{"later": "retrying", "for ever": "retrying", "never": "failed"} {
		require.Equal(t, status, l.text(`select status from %s.deliveries where handler = '%s' and attempts = 1 and last_error = 'refused'`,
			tenant.SchemaName, handler), handler)
	}
}

func TestAnAnswerIsAnErrorLikeOthers(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, workers.RetryAfter(time.Second, errRefused), errRefused)
	require.ErrorIs(t, workers.Never(errRefused), errRefused)
	require.ErrorIs(t, workers.Outage(errRefused), errRefused)
	require.ErrorIs(t, workers.Outage(errRefused), workers.ErrOutage)
	later, ok := errors.AsType[*workers.RetryAfterError](workers.RetryAfter(time.Second, errRefused))
	require.True(t, ok)
	require.Equal(t, time.Second, later.After)
	for _, err := range []error{workers.RetryAfter(time.Second, nil), workers.Never(nil), workers.Outage(nil)} {
		require.NotEmpty(t, err.Error())
	}
}

func TestAHandlersOwnPolicySaysHowOftenItIsTried(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 1, 1)
	impatient := answering("impatient", errRefused)
	impatient.Retry = workers.RetryPolicy{MaxAttempts: 1}
	patient := answering("patient", errRefused)
	patient.Retry = workers.RetryPolicy{MaxAttempts: 5, Base: time.Millisecond}
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{impatient, patient, answering("usual", errRefused)}})
	eventually(t, func() bool {
		return l.count(`select count(*) from %s.deliveries where status = 'failed'`, tenant.SchemaName) == 3
	})
	for handler, attempts := range map[string]int{"impatient": 1, "patient": 5, "usual": 3} {
		require.Equal(t, attempts, l.count(`select attempts from %s.deliveries where handler = '%s'`, tenant.SchemaName, handler), handler)
	}
}

func TestEachFailedAttemptIsKeptAndSuccessWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 2, 2)
	var calls atomic.Int64
	broker := &recorder{answer: func(e workers.Event) error {
		if e.Seq == 2 {
			return fault.New(fault.Invalid, "too_large", "the broker does not take it")
		}
		return nil
	}}
	l.run(fast(), workers.Parts{Publisher: broker, Handlers: []workers.Handler{
		{Name: "third time", Events: []string{"*"}, External: func(ctx context.Context, e workers.Event) error {
			if e.Seq != 1 || calls.Add(1) == 3 {
				return nil
			}
			took, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			defer cancel()
			<-took.Done()
			return errRefused
		}},
	}})
	eventually(t, func() bool { return l.withStatus(tenant, "published") == 1 && l.withStatus(tenant, "failed") == 1 })
	require.Equal(t, "1 broker 1 the broker does not take it|2 third time 1 refused|3 third time 2 refused", l.text(`
		select string_agg(format('%%s %%s %%s %%s', n, handler, attempt, error), '|' order by n)
		from (select handler, attempt, error, row_number() over (order by handler, attempt) as n from %s.delivery_attempts) a`, tenant.SchemaName))
	require.Equal(t, 2, l.count(`select count(*) from %s.delivery_attempts where took_ms >= 5 and took_ms < 60000 and seq = 1
		and started_at between now() - interval '1 hour' and now()`, tenant.SchemaName))
	require.Equal(t, 3, l.count(`select attempts from %s.outbox_messages where seq = 1`, tenant.SchemaName))
}

// TestATenantWithoutTheTableOfAttemptsIsServed has a worker that is newer than a tenant's schema.
func TestATenantWithoutTheTableOfAttemptsIsServed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 10, 5)
	l.execf(`drop table %s.delivery_attempts`, tenant.SchemaName)
	var calls atomic.Int64
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{
		{Name: "second time", Events: []string{"*"}, External: func(context.Context, workers.Event) error {
			if calls.Add(1) <= 3 {
				return errRefused
			}
			return nil
		}},
	}})
	l.settled(tenant)
	require.Equal(t, 10, l.withStatus(tenant, "published"))
}

func TestHandlersWithoutAWorkingPolicyOrDestinationAreRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for text, change := range map[string]func(*workers.Handler){
		"retry policy": func(h *workers.Handler) { h.Retry.Factor = 0.5 },
		"a retry":      func(h *workers.Handler) { h.Retry.MaxAttempts = -1 },
		"positive":     func(h *workers.Handler) { h.Retry.Base = -time.Second },
		"destination":  func(h *workers.Handler) { h.Destination = workers.BrokerName },
	} {
		h := answering("wrong", nil)
		change(&h)
		_, err := workers.New(fast(), workers.Parts{Cluster: l.cluster, Source: l.source, Publisher: &recorder{}, Handlers: []workers.Handler{h}})
		require.ErrorContains(t, err, text)
		require.ErrorContains(t, err, `"wrong"`)
	}
}
