package workers

// tolerance is the part of its share by which a process may hold more before it hands tenants over: one
// in ten. Few tenants are shared exactly; of many, some that come and go set nothing in motion.
const tolerance = 10

// spread is how the tenants with work are spread over the processes of a cluster, as one of them sees
// it. What follows from it is decided here, without I/O and without a clock.
type spread struct {
	// held is how many this process holds, peers how many each other live one.
	held  int
	peers []int
}

// share is the most that a process should hold when so many tenants come to those that are held.
func (s spread) share(more int) int {
	total := s.held + more
	for _, n := range s.peers {
		total += n
	}
	live := 1 + len(s.peers)
	return (total + live - 1) / live
}

// surplus is how many tenants this process should hand over.
func (s spread) surplus() int {
	share := s.share(0)
	if s.held <= share+share/tolerance {
		return 0
	}
	return s.held - share
}

// room is how many of the tenants that nobody holds this process should take at once: new ones, and
// freed ones, which still count among those that a peer holds. What is beyond it is left to the others for
// a moment. The rooms of all processes together suffice for all tenants, so that none waits unless they
// see the spread differently.
func (s spread) room(fresh, freed int) int {
	return min(max(s.share(fresh)-s.held, 0), fresh+freed)
}
