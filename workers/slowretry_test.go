package workers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestRetriesThatATurnHadNoTimeForGoOnInTheNext has retries that each take longer than a turn, and no
// sweep that would find those that are left.
func TestRetriesThatATurnHadNoTimeForGoOnInTheNext(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 6, 6)
	var tried sync.Map
	config := deaf()
	config.Slots = 1
	l.run(config, workers.Parts{Publisher: &recorder{}, Hints: newMegaphone(), Handlers: []workers.Handler{{
		Name: "slow", Events: []string{"*"}, External: func(ctx context.Context, e workers.Event) error {
			if _, again := tried.LoadOrStore(e.ID, true); !again {
				return errors.New("not now")
			}
			pause, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
			defer cancel()
			<-pause.Done()
			return nil
		},
	}}})
	l.settled(tenant)
	require.Equal(t, 6, l.withStatus(tenant, "published"))
}
