package app

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/workers"
)

// TestTheSettingsDefaultsAreThePools: whoever reads about a default in the settings and whoever reads
// about it in the pool read the same.
func TestTheSettingsDefaultsAreThePools(t *testing.T) {
	t.Parallel()
	settings, err := config.Load(nil)
	require.NoError(t, err)
	chosen, defaults := reflect.ValueOf(workerConfig(settings)), reflect.ValueOf(workers.Config{}.WithDefaults())
	compared := 0
	for i := range chosen.NumField() {
		// A pool of itself deletes nothing.
		if field := chosen.Type().Field(i); !chosen.Field(i).IsZero() && field.Name != "Retention" {
			require.Equal(t, defaults.Field(i).Interface(), chosen.Field(i).Interface(), field.Name)
			compared++
		}
	}
	require.Equal(t, 10, compared, "every setting of the pool but the handlers' bound, which is no field of it")
	require.Equal(t, workers.Retention{
		Messages: settings.Retention.Messages, Inbox: settings.Retention.Inbox, Attempts: settings.Retention.Attempts,
	}, workerConfig(settings).Retention)
	require.Equal(t, workers.Config{}.WithDefaults().Slots/2, settings.Worker.HandlerSlots, "half of the slots")
}
