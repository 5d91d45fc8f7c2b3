package workers

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnOrphanIsKnownSinceThisProcessMetIt(t *testing.T) {
	t.Parallel()
	o := newOrphans(Config{}.WithDefaults())
	key, now := orphanKey{"tenant", "gone"}, time.Now()
	require.Zero(t, o.knownFor(key, now))
	for minute := range 60 {
		at := time.Duration(minute) * time.Minute
		require.Equal(t, at, o.knownFor(key, now.Add(at)))
	}
	require.Zero(t, o.knownFor(orphanKey{"other", "gone"}, now.Add(time.Hour)), "another tenant's is another one")
	require.Zero(t, o.knownFor(key, now.Add(24*time.Hour)), "it was gone meanwhile")
	for i := range 2 * mostOrphans {
		o.knownFor(orphanKey{strconv.Itoa(i), "gone"}, now)
	}
	require.LessOrEqual(t, len(o.known), mostOrphans)
}
