package rest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
)

func TestTheSizeOfAPage(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: rest.DefaultLimit, 1: 1, 200: 200} {
		require.Empty(t, rest.CheckLimit(&limit))
		require.Equal(t, want, limit)
	}
	for _, limit := range []int{-1, 201} {
		err := rest.BadParameters(rest.CheckLimit(&limit))
		require.Equal(t, fault.Malformed, fault.KindOf(err))
		require.Equal(t, "bad_parameter", fault.CodeOf(err))
	}
	require.NoError(t, rest.BadParameters(nil))
}

func TestAPageKnowsWhetherThereIsANextOne(t *testing.T) {
	t.Parallel()
	position := func(seq int64) any { return place{Seq: seq} }
	page, next, err := rest.Cut([]int64{1, 2, 3}, 2, position)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, page)
	last, err := rest.DecodeCursor(*rest.NextCursor(next), known)
	require.NoError(t, err)
	require.Equal(t, place{Seq: 2}, last, "the next page begins after the last item of this one")

	page, next, err = rest.Cut([]int64{1, 2}, 2, position)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, page)
	require.Nil(t, rest.NextCursor(next))
}
