package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Kind is a way to disturb the program.
type Kind string

// The kinds of faults.
const (
	// KillWorker ends a worker process with SIGKILL; another one starts after a while.
	KillWorker Kind = "kill worker"
	// FreezeWorker stops a worker process with SIGSTOP until its leases are long over, and continues it.
	FreezeWorker Kind = "freeze worker"
	// ReplaceWorker stops a worker process as a deployment does, and starts another.
	ReplaceWorker Kind = "replace worker"
	// CutConnections terminates half of the program's sessions in PostgreSQL.
	CutConnections Kind = "cut connections"
	// RestartPostgres stops PostgreSQL as an operator does and starts it again.
	RestartPostgres Kind = "restart postgres"
	// CrashPostgres stops PostgreSQL at once, so that its next start recovers.
	CrashPostgres Kind = "crash postgres"
	// StopBroker stops the broker gracefully and starts it again after a while.
	StopBroker Kind = "stop broker"
	// KillBroker ends the broker with SIGKILL and starts it again after a while.
	KillBroker Kind = "kill broker"
	// OnboardTenant makes a tenant, which takes part in the load from then on.
	OnboardTenant Kind = "onboard tenant"
	// SuspendTenant closes a tenant's doors and opens them again after a while.
	SuspendTenant Kind = "suspend tenant"
)

// Kinds are all kinds of faults.
func Kinds() []Kind {
	return []Kind{
		KillWorker, FreezeWorker, ReplaceWorker, CutConnections, RestartPostgres, CrashPostgres,
		StopBroker, KillBroker, OnboardTenant, SuspendTenant,
	}
}

// Fault is one disturbance.
type Fault struct {
	// At is when it begins, after the load did.
	At time.Duration
	// Kind is what happens.
	Kind Kind
	// For is how long what it stops stays away.
	For time.Duration
	// Pick says which worker, tenant or half of the sessions it hits: this number modulo how many there are.
	Pick uint64
}

// String is a line for people.
func (f Fault) String() string {
	line := fmt.Sprintf("%7.2fs  %s", f.At.Seconds(), f.Kind)
	if f.For > 0 {
		line += fmt.Sprintf(", for %.2fs", f.For.Seconds())
	}
	return line
}

// Schedule is the faults of a run, in order. It depends on nothing but what it is given. Every kind comes
// equally often, give or take one, and at least once: kinds are drawn like cards, from a pack that is
// shuffled anew when it is empty. One fault begins in each pause; those that last overlap with the next.
func Schedule(seed uint64, duration, pause, leaseTTL time.Duration) []Fault {
	dice := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // it has to repeat itself
	n := max(len(Kinds()), int(duration/pause))
	slot := duration / time.Duration(n)
	faults := make([]Fault, n)
	var pack []Kind
	for i := range faults {
		if len(pack) == 0 {
			pack = Kinds()
			dice.Shuffle(len(pack), func(a, b int) { pack[a], pack[b] = pack[b], pack[a] })
		}
		faults[i] = Fault{
			At:   slot*time.Duration(i) + between(dice, 0, slot),
			Kind: pack[0], For: away(dice, pack[0], leaseTTL), Pick: dice.Uint64(),
		}
		pack = pack[1:]
	}
	return faults
}

// away is how long a fault of a kind lasts.
func away(dice *rand.Rand, kind Kind, leaseTTL time.Duration) time.Duration {
	switch kind {
	case FreezeWorker:
		return between(dice, leaseTTL*5/4, leaseTTL*2)
	case KillWorker:
		return between(dice, 0, time.Second)
	case StopBroker, KillBroker: // also for longer than anybody waits for an acknowledgement
		return between(dice, 500*time.Millisecond, 3*leaseTTL)
	case SuspendTenant:
		return between(dice, 500*time.Millisecond, 3*time.Second)
	default:
		return 0
	}
}

func between(dice *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(dice.Int64N(int64(most-least)+1))
}
