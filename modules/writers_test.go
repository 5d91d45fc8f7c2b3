package modules_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// TestOfTwoWritersOnOneVersionExactlyOneWins lets writers of one tenant change one user in the version
// that all of them saw, in many rounds at once. The loser gets 412 and leaves nothing.
func TestOfTwoWritersOnOneVersionExactlyOneWins(t *testing.T) {
	t.Parallel()
	const users, rounds, writers = 4, 15, 2
	e := newEstate(t)
	token := e.Token(t, tenants.Admin)
	var all sync.WaitGroup
	ids := make([]string, users)
	for n := range users {
		ids[n] = e.newUser(t, e.freshEmail())
		all.Go(func() {
			for version := 1; version <= rounds; version++ {
				requireOneWinner(t, token, ids[n], version, writers)
			}
		})
	}
	all.Wait()
	e.Settle(t)
	for _, id := range ids {
		versions := texts(t, "select aggregate_version::text from "+e.table("events")+" where aggregate_id = $1 order by seq", id)
		require.Len(t, versions, rounds+1, "one event for each version")
		requireAscending(t, versions)
		requireAscending(t, publishedVersions(t, e, id))
	}
}

// requireOneWinner sends the same change of one version from several writers at once. The changes differ,
// since one that changes nothing needs no new version.
func requireOneWinner(t *testing.T, token, id string, version, writers int) {
	t.Helper()
	statuses := make([]int, writers)
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			got, err := send(t.Context(), http.DefaultClient, http.MethodPatch, apptest.URL()+"/v1/users/"+id, token,
				fmt.Sprintf(`{"name":"Version %d of writer %d"}`, version, n), "If-Match", fmt.Sprintf(`"%d"`, version))
			if err != nil {
				t.Error(err)
			}
			statuses[n] = got.status
		})
	}
	all.Wait()
	won := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			won++
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("version %d: status %d", version, status)
		}
	}
	if won != 1 {
		t.Errorf("version %d: %d writers won: %v", version, won, statuses)
	}
}

// publishedVersions are the versions of a user in the stream, in its order.
func publishedVersions(t *testing.T, e *estate, id string) []string {
	t.Helper()
	var versions []string
	for _, message := range e.Published(t) {
		if message.Header.Get("ce-subject") == "User/"+id {
			versions = append(versions, message.Header.Get("ce-aggregateversion"))
		}
	}
	return versions
}

// requireAscending checks that versions are 1, 2, 3 and so on.
func requireAscending(t *testing.T, versions []string) {
	t.Helper()
	for i, version := range versions {
		require.Equal(t, fmt.Sprint(i+1), version, strings.Join(versions, " "))
	}
}
