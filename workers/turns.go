package workers

import "time"

// Turns decides whose turn it is: deficit round robin, charged by the time used. It does no I/O, reads
// no clock and is not safe for concurrent use; the pool guards it.
//
// In each round a tenant may use quantum × weight. One that used more owes it, and is passed over until
// its rounds have paid. While others wait, nobody gets more than its share; when nobody else waits,
// the only one is served at once whatever it owes.
type Turns struct {
	quantum time.Duration
	ring    []*share // those that wait, in order; the first is next
	shares  map[string]*share
	round   int64
	left    int // how many of the ring belong to the present round
}

// share is one tenant's account.
type share struct {
	id      string
	weight  int
	deficit time.Duration
	round   int64 // the round up to which it was credited
	waiting bool
	running bool
}

// NewTurns makes the schedule. The quantum is the time that a tenant of weight 1 may use in a round.
func NewTurns(quantum time.Duration) *Turns {
	return &Turns{quantum: quantum, shares: make(map[string]*share)}
}

// Ready puts a tenant with work at the end of the ring, unless it is there or has its turn.
func (t *Turns) Ready(id string, weight int) {
	s := t.shares[id]
	if s == nil {
		s = &share{id: id, round: t.round}
		t.shares[id] = s
	}
	s.weight = max(weight, 1)
	if s.waiting || s.running {
		return
	}
	t.forgive(s)
	s.waiting = true
	t.ring = append(t.ring, s)
}

// forgive pays a debt off by the rounds that went by while the tenant did not wait. A credit is not
// kept: who had nothing to do saves nothing up.
func (t *Turns) forgive(s *share) {
	missed := t.round - s.round
	s.deficit = min(s.deficit+time.Duration(missed)*t.allowance(s), 0)
	s.round = t.round
}

func (t *Turns) allowance(s *share) time.Duration { return t.quantum * time.Duration(s.weight) }

// Next takes the tenant whose turn it is, and the time it may use. Done must follow.
func (t *Turns) Next() (id string, budget time.Duration, ok bool) {
	if len(t.ring) == 0 {
		return "", 0, false
	}
	for passed := 0; ; passed++ {
		if passed == len(t.ring) {
			t.skipRounds() // everybody owes: go on to the round in which somebody has paid
			passed = 0
		}
		s := t.take()
		s.deficit += t.allowance(s)
		if s.deficit > 0 {
			s.waiting, s.running = false, true
			return s.id, s.deficit, true
		}
		t.ring = append(t.ring, s)
	}
}

// take removes the first of the ring, and begins a new round when the last of this round is taken.
func (t *Turns) take() *share {
	if t.left == 0 {
		t.left = len(t.ring)
		t.round++
	}
	t.left--
	s := t.ring[0]
	t.ring[0] = nil
	t.ring = t.ring[1:]
	s.round = t.round
	return s
}

// skipRounds credits everybody with the rounds in which nobody could be served.
func (t *Turns) skipRounds() {
	rounds := int64(-1)
	for _, s := range t.ring {
		// The round in which its deficit is positive again, less the one that Next credits itself.
		if need := int64(-s.deficit / t.allowance(s)); rounds < 0 || need < rounds {
			rounds = need
		}
	}
	for _, s := range t.ring {
		s.deficit += time.Duration(rounds) * t.allowance(s)
		s.round += rounds
	}
	t.round += rounds
}

// Done ends a tenant's turn and charges the time that it used. With more work it waits again.
func (t *Turns) Done(id string, used time.Duration, more bool) {
	s := t.shares[id]
	if s == nil || !s.running {
		return
	}
	s.running = false
	s.deficit -= used
	if more {
		s.deficit = min(s.deficit, t.allowance(s)) // a credit is capped at one round's
		s.waiting = true
		t.ring = append(t.ring, s)
		return
	}
	s.deficit = min(s.deficit, 0)
	if s.deficit == 0 {
		delete(t.shares, id)
	}
}

// Forget drops a tenant that is not this process's any more.
func (t *Turns) Forget(id string) {
	s := t.shares[id]
	if s == nil {
		return
	}
	delete(t.shares, id)
	for i, other := range t.ring {
		if other == s {
			t.ring = append(t.ring[:i:i], t.ring[i+1:]...)
			if i < t.left {
				t.left--
			}
			return
		}
	}
}

// Waiting is how many tenants wait for their turn.
func (t *Turns) Waiting() int { return len(t.ring) }

// Has reports whether a tenant waits for its turn or has it.
func (t *Turns) Has(id string) bool {
	s := t.shares[id]
	return s != nil && (s.waiting || s.running)
}
