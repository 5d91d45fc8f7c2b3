package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const window = 30 * time.Minute

// whole is a run in which all went well: two tenants, with two versions of one aggregate each.
func whole() observed {
	began := time.Unix(1_700_000_000, 0)
	o := observed{ledger: ledger{events: map[string]event{}, tenants: 2}, window: window}
	for _, tenant := range []string{"one", "two"} {
		for version := int64(1); version <= 3; version++ {
			e := event{
				ID: tenant + "-" + string(rune('0'+version)), Seq: version, Tenant: "id-" + tenant, Slug: tenant,
				Name: "User.updated", Aggregate: "User/" + tenant, Version: version, Status: "published",
			}
			if version == 1 {
				e.Name, e.Aggregate = "Tenant.onboarded", "Tenant/"+tenant
			}
			o.ledger.events[e.ID] = e
			o.ledger.writes = append(o.ledger.writes, write{Tenant: e.Tenant, Aggregate: e.Aggregate, Version: version})
			seen := sighting{
				EventID: e.ID, Tenant: e.Tenant, Slug: e.Slug, Name: e.Name, Aggregate: e.Aggregate, Version: version,
				At: began.Add(time.Duration(version) * time.Second),
			}
			o.stream, o.effects, o.calls = append(o.stream, seen), append(o.effects, seen), append(o.calls, seen)
		}
	}
	return o
}

// found are the checks that found something.
func found(o observed) map[string]int {
	all := map[string]int{}
	for _, c := range compare(o) {
		if c.Found > 0 {
			all[c.What] = c.Found
		}
	}
	return all
}

// places are where events come to, by their names in the checks.
func places(o *observed) map[string]*[]sighting {
	return map[string]*[]sighting{"stream": &o.stream, "effects": &o.effects, "calls": &o.calls}
}

func TestNothingIsFoundWhereAllIsWell(t *testing.T) {
	t.Parallel()
	require.Empty(t, found(whole()))
}

func TestALostEventIsFound(t *testing.T) {
	t.Parallel()
	for name := range places(&observed{}) {
		o := whole()
		place := places(&o)[name]
		*place = (*place)[1:]
		require.Equal(t, map[string]int{name + ": lost": 1}, found(o))
	}
}

func TestASwapIsFound(t *testing.T) {
	t.Parallel()
	for name := range places(&observed{}) {
		o := whole()
		place := *places(&o)[name]
		place[1], place[2] = place[2], place[1]
		require.Equal(t, map[string]int{name + ": out of order in their aggregate": 1}, found(o))
	}
}

func TestARepeatIsFound(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]map[string]int{
		"stream":  {"stream: repeated": 1, "stream: repeated inside the duplicate window": 1},
		"effects": {"effects: applied twice": 1},
		"calls":   {"calls: repeated": 1},
	} {
		o := whole()
		place := places(&o)[name]
		*place = append(*place, (*place)[1])
		require.Equal(t, want, found(o), "an old one that comes again is no disorder")
	}
}

func TestARepeatBeyondTheWindowIsOnlyCounted(t *testing.T) {
	t.Parallel()
	o := whole()
	again := o.stream[0]
	again.At = again.At.Add(window + time.Second)
	o.stream = append(o.stream, again)
	require.Equal(t, map[string]int{"stream: repeated": 1}, found(o))
}

func TestAForeignEventIsFound(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(s *sighting){
		"another tenant's place":     func(s *sighting) { s.Slug = "two" },
		"another tenant's id":        func(s *sighting) { s.Tenant = "id-two" },
		"another aggregate":          func(s *sighting) { s.Aggregate = "User/two" },
		"another version":            func(s *sighting) { s.Version = 7 },
		"another name":               func(s *sighting) { s.Name = "User.deleted" },
		"a place that nobody's is":   func(s *sighting) { s.Slug = "" },
		"another one's id and place": func(s *sighting) { s.Slug, s.Tenant = "two", "id-two" },
	} {
		for name := range places(&observed{}) {
			o := whole()
			change(&(*places(&o)[name])[1])
			require.Equal(t, map[string]int{name + ": wrong tenant or aggregate": 1, name + ": lost": 1}, found(o), what)
		}
	}
}

func TestAnEventThatNobodyCommittedIsFound(t *testing.T) {
	t.Parallel()
	for name := range places(&observed{}) {
		o := whole()
		place := places(&o)[name]
		*place = append(*place, sighting{EventID: "invented", Slug: "one", Tenant: "id-one"})
		require.Equal(t, map[string]int{name + ": of no committed event": 1}, found(o))
	}
}

func TestTheTablesAreHeldAgainstWhatClientsWereTold(t *testing.T) {
	t.Parallel()
	o := whole()
	o.ledger.writes = append(o.ledger.writes, write{Tenant: "id-one", Aggregate: "User/one", Version: 4})
	require.Equal(t, map[string]int{"tables: acknowledged writes that are not there": 1}, found(o))
}

func TestAnEventThatIsNotPublishedIsFound(t *testing.T) {
	t.Parallel()
	o := whole()
	e := o.ledger.events["one-2"]
	e.Status = "retrying"
	o.ledger.events[e.ID] = e
	require.Equal(t, map[string]int{"tables: events not published": 1}, found(o))
}

func TestATenantOnboardedTwiceOrNotIsFound(t *testing.T) {
	t.Parallel()
	o := whole()
	o.ledger.tenants++
	require.Equal(t, map[string]int{"tables: tenants not onboarded exactly once": 1}, found(o))
	o = whole()
	e := o.ledger.events["one-2"]
	e.Name = "Tenant.onboarded"
	o.ledger.events[e.ID] = e
	require.Equal(t, 1, found(o)["tables: tenants not onboarded exactly once"])
}

func TestOnlyDefectsAreViolations(t *testing.T) {
	t.Parallel()
	require.True(t, (&Check{Found: 1, MustBeZero: true}).Violated())
	require.False(t, (&Check{Found: 1}).Violated())
	require.False(t, (&Check{MustBeZero: true}).Violated())
}
