package chaos

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestJournalsAreReadInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	dir, began := t.TempDir(), time.Unix(1_700_000_000, 0).UTC()
	for n, name := range []string{"a", "b"} {
		j, err := openJournal(filepath.Join(dir, name+journalSuffix))
		require.NoError(t, err)
		for i := range 2 {
			require.NoError(t, j.note(entry{EventID: name, At: began.Add(time.Duration(10*i-n) * time.Second)}))
		}
		require.NoError(t, j.note(entry{Dropped: true}))
		require.NoError(t, j.close())
	}
	calls, dropped, err := readJournals(dir)
	require.NoError(t, err)
	require.Equal(t, 2, dropped)
	var ids []string
	for _, c := range calls {
		ids = append(ids, c.EventID)
	}
	require.Equal(t, []string{"b", "a", "b", "a"}, ids)
}

func TestALineThatWasCutOffDoesNotCount(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "a"+journalSuffix)
	require.NoError(t, os.WriteFile(name, []byte("{\"event_id\":\"whole\"}\n{\"event_id\":\"cut"), 0o600))
	entries, err := readJournal(name)
	require.NoError(t, err)
	require.Equal(t, []entry{{EventID: "whole"}}, entries)
}
