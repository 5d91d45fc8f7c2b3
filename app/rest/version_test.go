package rest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
)

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]fault.Kind{
		`"7"`: fault.Internal, ` "7" `: fault.Internal, // that is, no fault
		``: fault.VersionRequired, `*`: fault.VersionRequired, ` `: fault.VersionRequired,
		`"6"`: fault.Stale, `W/"7"`: fault.Stale, `"07"`: fault.Stale, `"+7"`: fault.Stale, `"abc"`: fault.Stale,
		`""`: fault.Stale, `"0"`: fault.Stale, `"-7"`: fault.Stale, `"99999999999999999999"`: fault.Stale,
		`7`: fault.Malformed, `"7`: fault.Malformed, `"7","8"`: fault.Malformed, `w/"7"`: fault.Malformed, "\"\x00\"": fault.Malformed,
	} {
		version, err := rest.ParseIfMatch(header)
		if err == nil {
			err = version.Check(7)
		}
		require.Equal(t, want, fault.KindOf(err), header)
		require.Equal(t, want == fault.Internal, err == nil, header)
	}
}

func TestAVersionThatIsRequired(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]int64{`"7"`: 7, `W/"7"`: 0, `"abc"`: 0} {
		version, err := rest.ParseIfMatch(header)
		require.NoError(t, err)
		seen, err := version.Required()
		require.NoError(t, err)
		require.Equal(t, want, seen, header)
	}
	_, err := rest.Version{}.Required()
	require.Equal(t, fault.VersionRequired, fault.KindOf(err))
}

func TestIfNoneMatchIsComparedWeakly(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		`"7"`: true, `W/"7"`: true, `"6", "7"`: true, `*`: true, ``: false, `"6"`: false, `7`: false, `W/*`: false,
	} {
		require.Equal(t, want, rest.SeenAlready(header, 7), header)
	}
}

func FuzzParseIfMatch(f *testing.F) {
	for _, seed := range []string{`"1"`, `W/"1"`, `*`, ``, `"a","b"`, `"9223372036854775808"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		version, err := rest.ParseIfMatch(header)
		if err != nil {
			require.Equal(t, "bad_if_match", fault.CodeOf(err))
			return
		}
		if seen, err := version.Required(); err == nil && seen != 0 {
			require.True(t, rest.SeenAlready(rest.ETag(seen), seen))
			require.NoError(t, version.Check(seen))
			require.Contains(t, header, rest.ETag(seen))
		}
	})
}
