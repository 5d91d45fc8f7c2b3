package chaos

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNothingIsLostRepeatedOrMixedUpUnderFaults is the short form of the fault test: every kind of fault
// at least once, over 20 tenants.
func TestNothingIsLostRepeatedOrMixedUpUnderFaults(t *testing.T) {
	t.Parallel()
	config := Config{
		Seed: 20, Duration: 20 * time.Second, Tenants: 20, Workers: 3, Rate: 30, Pause: 1500 * time.Millisecond,
		LeaseTTL: 2 * time.Second, SettleLimit: time.Minute, Unsynced: true,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	report, err := Run(t.Context(), config)
	require.NoError(t, err)
	for _, check := range report.Checks {
		require.False(t, check.Violated(), "%s: %d, for example %v", check.What, check.Found, check.Examples)
	}
	require.True(t, report.OK)
	for _, kind := range Kinds() {
		require.Positive(t, report.Injected[kind], kind)
	}
	require.Greater(t, report.Answers.Acknowledged, config.Rate, "there was a load")
	require.GreaterOrEqual(t, report.Committed, report.Answers.Acknowledged+eventsOfOnboarding*report.Tenants, "and two events of each onboarding")
	require.Greater(t, report.Tenants, config.Tenants)
	result := report.result()
	require.False(t, result.Failed)
	require.True(t, slices.ContainsFunc(result.Rows, func(row []string) bool { return row[1] == "stream: lost" && row[2] == "0" }))
	t.Logf("%+v", report)
}

func TestARunThatFoundSomethingFails(t *testing.T) {
	t.Parallel()
	o := whole()
	o.stream = o.stream[1:]
	report := &Report{}
	report.finish(o, 0, newLoad(nil), newCrew("", nil))
	require.False(t, report.OK)
	result := report.result()
	require.True(t, result.Failed)
	require.Contains(t, result.Notes, "stream: lost, for example:")
}

func TestWhatMakesNoRunIsRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, Config{}.withDefaults().check())
	for _, config := range []Config{{Duration: time.Second}, {Tenants: 1}, {Workers: 1}, {Rate: -1}, {Pause: time.Millisecond}} {
		require.Error(t, config.withDefaults().check())
	}
}
