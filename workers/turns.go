package workers

import (
	"container/list"
	"time"
)

// Turns decides whose turn it is: deficit round robin, charged by the time used. It does no I/O, reads
// no clock and is not safe for concurrent use; the pool guards it.
//
// In each round a tenant with work may use quantum × weight. One that used more owes it, and is passed
// over until its rounds have paid. What is left of a round's time is gone when the round is over: nobody
// saves up. A tenant that came to the end of its work goes before the backlogged ones as long as it has time
// left in this round, so that whoever needs less than its share does not wait for a round of backlogs (DRR++
// is the known scheme beside it).
//
// What holds, whatever arrives, leaves, hangs or overdraws, and on any number of slots:
//   - somebody waits: somebody is served;
//   - from when a tenant waits until its turn begins, every other uses at most the time of 2 + d rounds,
//     and what its last turn overdraws; d is how many rounds the one that waits owes, 0 if it has not
//     overdrawn;
//   - before one that came to the end of its work, and has time left in this round, only those like it that
//     came earlier have a turn each;
//   - a tenant has used at most its rounds' time, and what its last turn overdrew.
type Turns struct {
	quantum time.Duration
	round   int64
	shares  map[string]*share

	// Those that wait, each in the order in which it came.
	fresh   *list.List // came to the end of their work, and have time left in this round
	current *list.List // backlogged, and not visited in this round
	next    *list.List // have had this round's time

	// idle have no work and owe nothing; what they have used is remembered until the round is over.
	idle map[*share]struct{}
}

// share is one tenant's account.
type share struct {
	id      string
	weight  int
	deficit time.Duration // what it may use when positive; what it owes when negative
	round   int64         // the last round that was credited
	place   *list.Element // where it waits
	running bool
}

// NewTurns makes the schedule. The quantum is the time that a tenant of weight 1 may use in a round.
func NewTurns(quantum time.Duration) *Turns {
	return &Turns{
		quantum: quantum, shares: make(map[string]*share),
		fresh: list.New(), current: list.New(), next: list.New(), idle: make(map[*share]struct{}),
	}
}

// Ready lets a tenant with work wait for its turn, unless it does or has its turn.
func (t *Turns) Ready(id string, weight int) {
	s := t.shares[id]
	if s == nil {
		s = &share{id: id, round: t.round - 1}
		t.shares[id] = s
	}
	s.weight = max(weight, 1)
	if s.place == nil && !s.running {
		t.wait(s, t.fresh)
	}
}

// wait lines a tenant up, there if this round has not visited it.
func (t *Turns) wait(s *share, unvisited *list.List) {
	delete(t.idle, s)
	line := t.next
	switch {
	case s.round < t.round:
		s.deficit = min(s.deficit, 0)
		t.pay(s, t.round-1-s.round)
		s.round = t.round - 1
		line = unvisited
	case s.deficit > 0:
		line = t.fresh
	}
	s.place = line.PushBack(s)
}

// pay takes from what a tenant owes the rounds that went by while it did not wait: others had them.
// They are no credit: who could not use its time has not saved it.
func (t *Turns) pay(s *share, rounds int64) {
	if rounds > int64(-s.deficit/t.allowance(s)) {
		s.deficit = 0
		return
	}
	s.deficit += time.Duration(rounds) * t.allowance(s)
}

func (t *Turns) allowance(s *share) time.Duration { return t.quantum * time.Duration(s.weight) }

// Next takes the tenant whose turn it is, and the time it may use. Done must follow.
//
// Every step beyond the first passes over somebody who owes, so the steps are at most as many as quanta
// were overdrawn: a constant for each turn on average, however many tenants there are.
func (t *Turns) Next() (id string, budget time.Duration, ok bool) {
	if t.Waiting() == 0 {
		return "", 0, false
	}
	for passed := 0; ; passed++ {
		if passed == t.Waiting() {
			t.skipRounds() // everybody owes: go on to the round in which somebody has paid
			passed = 0
		}
		s := t.visit()
		if s.deficit > 0 {
			s.running = true
			return s.id, s.deficit, true
		}
		s.place = t.next.PushBack(s)
	}
}

// visit takes the next one of this round, or the first one of a new round, and credits it once in a round.
func (t *Turns) visit() *share {
	from := t.fresh
	if from.Len() == 0 {
		if t.current.Len() == 0 {
			t.beginRound()
		}
		from = t.current
	}
	s := from.Remove(from.Front()).(*share) //nolint:forcetypeassert // the lists hold nothing else
	s.place = nil
	if s.round < t.round {
		s.round = t.round
		s.deficit += t.allowance(s)
	}
	return s
}

// beginRound forgets those who have left and owe nothing. Everybody who waits is in the next round's list.
func (t *Turns) beginRound() {
	t.round++
	t.current, t.next = t.next, t.current
	for s := range t.idle {
		delete(t.shares, s.id)
	}
	clear(t.idle)
}

// skipRounds credits everybody with the rounds in which nobody could be served.
func (t *Turns) skipRounds() {
	rounds := int64(-1)
	t.each(func(s *share) {
		// The round in which its deficit is positive again, less the one of the next visit.
		if owes := int64(-s.deficit / t.allowance(s)); rounds < 0 || owes < rounds {
			rounds = owes
		}
	})
	t.each(func(s *share) {
		s.deficit += time.Duration(rounds) * t.allowance(s)
		s.round += rounds
	})
	t.round += rounds
}

func (t *Turns) each(visit func(*share)) {
	for _, waiting := range []*list.List{t.fresh, t.current, t.next} {
		for e := waiting.Front(); e != nil; e = e.Next() {
			visit(e.Value.(*share)) //nolint:forcetypeassert // the lists hold nothing else
		}
	}
}

// Done ends a tenant's turn and charges the time that it used. With more work it waits again.
func (t *Turns) Done(id string, used time.Duration, more bool) {
	s := t.shares[id]
	if s == nil || !s.running {
		return
	}
	s.running = false
	s.deficit -= max(used, 0)
	switch {
	case more:
		t.wait(s, t.current)
	case s.deficit >= 0:
		t.idle[s] = struct{}{}
	}
}

// Forget drops a tenant that is not this process's any more, and what it owes.
func (t *Turns) Forget(id string) {
	s := t.shares[id]
	if s == nil {
		return
	}
	delete(t.shares, id)
	delete(t.idle, s)
	if s.place != nil {
		for _, waiting := range []*list.List{t.fresh, t.current, t.next} {
			waiting.Remove(s.place) // does nothing in a list that it is not in
		}
	}
}

// Waiting is how many tenants wait for their turn.
func (t *Turns) Waiting() int { return t.fresh.Len() + t.current.Len() + t.next.Len() }

// Has reports whether a tenant waits for its turn or has it.
func (t *Turns) Has(id string) bool {
	s := t.shares[id]
	return s != nil && (s.place != nil || s.running)
}
