package userevents_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/modules/user/userevents"
)

// The data of an event outlives the program that wrote it, so its JSON is written down here.
func TestEventsKeepTheirJSON(t *testing.T) {
	t.Parallel()
	change := &userevents.Change{From: "A", To: "B"}
	for name, test := range map[string]struct {
		event any
		want  string
	}{
		"created": {
			userevents.Created{Email: "ada@example.com", Name: "Ada", Role: "admin"},
			`{"email":"ada@example.com","name":"Ada","role":"admin"}`,
		},
		"updated in one field": {
			userevents.Updated{Changes: userevents.Changes{Name: change}},
			`{"changes":{"name":{"from":"A","to":"B"}}}`,
		},
		"updated in all fields": {
			userevents.Updated{Changes: userevents.Changes{Email: change, Name: change, Role: change}},
			`{"changes":{"email":{"from":"A","to":"B"},"name":{"from":"A","to":"B"},"role":{"from":"A","to":"B"}}}`,
		},
		"disabled": {userevents.Disabled{}, `{}`},
		"enabled":  {userevents.Enabled{}, `{}`},
		"deleted": {
			userevents.Deleted{Email: "ada@example.com", Name: "Ada", Role: "admin"},
			`{"email":"ada@example.com","name":"Ada","role":"admin"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(test.event)
			require.NoError(t, err)
			require.Equal(t, test.want, string(got))
		})
	}
}
