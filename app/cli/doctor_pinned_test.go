package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

func TestOldPinsAreDescribed(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"session pid 7 of ada application psql idle in transaction for 10m0s (3 transactions)",
		"prepared transaction in doubt of ada for 5m0s (2 transactions)",
		"replication slot unread inactive (900 transactions)",
	}, oldPins([]tenants.Pin{
		{Kind: "session", PID: 7, Login: "ada", Application: "psql", State: "idle in transaction", Age: 10 * time.Minute, Transactions: 3},
		{Kind: "session", PID: 8, Login: "ada", Age: time.Second, Transactions: 5},
		{Kind: "session", PID: 9, Login: "bob", Transactions: 5},
		{Kind: "prepared transaction", Name: "in doubt", Login: "ada", Age: 5 * time.Minute, Transactions: 2},
		{Kind: "replication slot", Name: "unread", State: "inactive", Transactions: 900},
		{Kind: "replication slot", PID: 10, Name: "read", State: "active", Transactions: 1},
	}, 5*time.Minute))
}
