package workers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
)

func TestRetryDelayGrowsUpToItsMaximumWithJitter(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{MaxAttempts: 10, Base: time.Second, Factor: 2, Max: 10 * time.Second}
	for attempts, step := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 60: 10 * time.Second} {
		different := map[time.Duration]bool{}
		for range 50 {
			d := p.Delay(attempts)
			require.GreaterOrEqual(t, d, step/2)
			require.LessOrEqual(t, d, step)
			different[d] = true
		}
		require.Greater(t, len(different), 1, "all at the same time would come together again")
	}
}

func TestVerdictKeepsWhatMayPassAndGivesUpTheRest(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{MaxAttempts: 3}.withDefaults()
	now := time.Now()
	failure := errors.New("connection refused")
	after := func(attempts int, err error) Verdict {
		return p.verdict(&Handler{}, attempts, attempt{startedAt: now, took: time.Second, err: err})
	}
	require.False(t, after(1, failure).Dead)
	require.True(t, after(3, failure).Dead, "the last attempt")
	require.True(t, after(1, fault.New(fault.Invalid, "bad", "never")).Dead, "it can never succeed")
	require.False(t, after(1, fault.New(fault.Unavailable, "away", "later")).Dead)
	require.True(t, after(1, failure).NextAttemptAt.After(now.Add(time.Second)), "the wait begins when the attempt ends")
	require.Equal(t, now, after(1, failure).StartedAt)
	require.Equal(t, time.Second, after(1, failure).Took)
}

func TestErrorTextFitsItsColumn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a?b?", errorText(errors.New("a\x00b\xff")))
	require.Len(t, []rune(errorText(errors.New(strings.Repeat("ü", 2000)))), maxErrorText)
}

func TestConfigReportsEveryMistake(t *testing.T) {
	t.Parallel()
	err := Config{Slots: -1, BatchSize: -1, SweepChunk: 1000}.WithDefaults().validate()
	for _, field := range []string{"Slots", "BatchSize", "SweepChunk"} {
		require.ErrorContains(t, err, field)
	}
	require.NoError(t, Config{}.WithDefaults().validate())
}

func TestHandlersThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	_, err := newCalls(Config{}.WithDefaults(), nil, []Handler{{Name: ""}, {Name: "broker"}, {Name: "neither", Events: []string{"*"}}}, NewMetrics(nil))
	require.ErrorContains(t, err, `""`)
	require.ErrorContains(t, err, `"broker"`)
	require.ErrorContains(t, err, "transactional or external")
}
