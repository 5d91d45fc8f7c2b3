package bench

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
)

func parse(t *testing.T, args ...string) (plan, error) {
	t.Helper()
	flags := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	declare(flags)
	require.NoError(t, flags.Parse(args))
	return planOf(flags)
}

func TestTenantsAreOneCountOrSeveral(t *testing.T) {
	t.Parallel()
	p, err := parse(t, "--tenants", "7")
	require.NoError(t, err)
	require.Equal(t, []int{7}, p.tenants)
	p, err = parse(t, "--tenants", "1000,10,100,10")
	require.NoError(t, err)
	require.Equal(t, []int{10, 100, 1000}, p.tenants, "upwards, each once")
}

func TestQuickIsSmallUnlessAFlagSaysOtherwise(t *testing.T) {
	t.Parallel()
	p, err := parse(t, "--quick", "--rate", "777")
	require.NoError(t, err)
	require.Equal(t, 777, p.rate)
	require.Equal(t, 1, p.rounds)
	require.Equal(t, time.Second, p.duration)
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--tenants", "0"},
		{"--tenants", "20001"},
		{"--events", "0"},
		{"--events-total", "0"},
		{"--rounds", "0"},
		{"--rate", "0"},
		{"--neighbour", "0"},
		{"--duration", "10ms"},
		{"--duration", "1h"},
		{"--outage", "1ms"},
		{"--budget", "0s"},
		{"--only", "drains"},
	} {
		_, err := parse(t, args...)
		require.Equal(t, fault.Invalid, fault.KindOf(err), args)
	}
}

func TestTheScheduleGoesUpwardsAndMeasuresSomeThingsOnce(t *testing.T) {
	t.Parallel()
	p := tiny("outage", "drain")
	p.tenants = []int{2, 3}
	var all []string
	for _, task := range p.schedule() {
		all = append(all, task.name)
	}
	require.Equal(t, []string{"drain", "drain", "outage"}, all)
}

func TestABacklogIsBoundedOverAllTenants(t *testing.T) {
	t.Parallel()
	p := plan{events: 2000, eventsTotal: 100_000}
	require.Equal(t, 2000, p.backlog(10))
	require.Equal(t, 100, p.backlog(1000))
	require.Equal(t, 1, p.backlog(1_000_000))
}
