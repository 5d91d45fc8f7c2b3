package migrations

import (
	"context"
	"fmt"
	"sync"
)

// FanOut runs work for many schemas at once, at most Parallel at a time. One that fails does not stop
// the others.
type FanOut struct {
	// Parallel bounds how many run at a time. Default 4.
	Parallel int
	// Progress is told after each one, by one goroutine at a time. Nil when nobody looks.
	Progress func(Progress)
}

// Progress is how far a fan-out has come.
type Progress struct {
	// Name is the schema, or tenant, that was finished last.
	Name string
	// Err is why it failed, nil when it did not.
	Err error
	// Done counts those finished, failed ones among them.
	Done, Failed int
	// Total is how many there are.
	Total int
}

// Job is the work for one schema.
type Job struct {
	// Name is shown in progress and failures.
	Name string
	// Run does it.
	Run func(ctx context.Context) error
}

// Failure is a job that failed.
type Failure struct {
	// Name is the job's.
	Name string
	// Err is why.
	Err error
}

// Run does all jobs and returns those that failed. When the context ends it begins no further ones,
// waits for those that run, and returns the context's error.
func (f FanOut) Run(ctx context.Context, jobs []Job) ([]Failure, error) {
	state := &fanOutState{total: len(jobs), progress: f.Progress}
	queue := make(chan Job)
	var group sync.WaitGroup
	for range max(1, min(f.parallel(), len(jobs))) {
		group.Go(func() {
			for job := range queue {
				state.finish(job.Name, runJob(ctx, job))
			}
		})
	}
	err := feed(ctx, queue, jobs)
	close(queue)
	group.Wait()
	return state.failures, err
}

func (f FanOut) parallel() int {
	if f.Parallel > 0 {
		return f.Parallel
	}
	return 4
}

func feed(ctx context.Context, queue chan<- Job, jobs []Job) error {
	for _, job := range jobs {
		if ctx.Err() == nil { // select alone would toss a coin
			select {
			case queue <- job:
				continue
			case <-ctx.Done():
			}
		}
		return fmt.Errorf("migrations: stopped before all were done: %w", context.Cause(ctx))
	}
	return nil
}

// runJob turns a panic into a failure, so that it stays with its tenant.
func runJob(ctx context.Context, job Job) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("migrations: %s panicked: %v", job.Name, reason)
		}
	}()
	return job.Run(ctx)
}

type fanOutState struct {
	mu       sync.Mutex
	done     int
	total    int
	failures []Failure
	progress func(Progress)
}

func (s *fanOutState) finish(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if err != nil {
		s.failures = append(s.failures, Failure{Name: name, Err: err})
	}
	if s.progress != nil {
		s.progress(Progress{Name: name, Err: err, Done: s.done, Failed: len(s.failures), Total: s.total})
	}
}
