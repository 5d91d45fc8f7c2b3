package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// journal is the file in which one worker process notes what left it. Each note is one write of the
// system, so it outlives a process that is killed.
type journal struct{ file *os.File }

// entry is one note.
type entry struct {
	EventID   string    `json:"event_id,omitempty"`
	Tenant    string    `json:"tenant,omitempty"`
	Slug      string    `json:"slug,omitempty"`
	Name      string    `json:"name,omitempty"`
	Aggregate string    `json:"aggregate,omitempty"`
	Version   int64     `json:"version,omitempty"`
	At        time.Time `json:"at,omitzero"`
	// Dropped means that the broker dropped an event that it had already, and nothing else.
	Dropped bool `json:"dropped,omitempty"`
}

func openJournal(name string) (*journal, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	return &journal{file}, nil
}

func (j *journal) note(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("note: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

// readJournals returns all calls that were noted in a folder, in the order of their times, and how many
// repeats the broker dropped.
func readJournals(dir string) (calls []sighting, dropped int, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+journalSuffix))
	if err != nil {
		return nil, 0, fmt.Errorf("find the journals: %w", err)
	}
	for _, name := range names {
		entries, err := readJournal(name)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			if e.Dropped {
				dropped++
				continue
			}
			calls = append(calls, sighting{
				EventID: e.EventID, Tenant: e.Tenant, Slug: e.Slug, Name: e.Name, Aggregate: e.Aggregate, Version: e.Version, At: e.At,
			})
		}
	}
	slices.SortStableFunc(calls, func(a, b sighting) int { return a.At.Compare(b.At) })
	return calls, dropped, nil
}

const journalSuffix = ".journal"

// readJournal reads one file. A last line without an end is of a call that never returned, because its
// process was killed: it does not count.
func readJournal(name string) ([]entry, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read a journal: %w", err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	var entries []entry
	for line := range bytes.Lines(text) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read a journal: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
