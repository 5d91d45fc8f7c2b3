package embedded

import "time"

// Abandon makes a server that runs look as if its owner were gone.
func (p *Postgres) Abandon() error {
	p.server.expected.Store(true)
	return p.lock.Close()
}

// Pid is the number of the server's process.
func (p *Postgres) Pid() int { return p.server.pid() }

// Files is the folder of the cluster's files.
func (p *Postgres) Files() string { return p.dir }

// ServesFolder reports whether a process is a server on the folder.
func ServesFolder(pid int, dir string) bool { return isServerOf(pid, dir) }

// AllowStarts reports which starts at these times would be allowed.
func AllowStarts(times ...time.Time) []bool {
	var recent starts
	allowed := make([]bool, len(times))
	for i, now := range times {
		allowed[i] = recent.allow(now)
	}
	return allowed
}
