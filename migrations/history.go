package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed control/*.sql dispatch/*.sql tenant/*.sql
var files embed.FS

const (
	upEnding   = ".sql"
	downEnding = ".down.sql"
)

// History is the ordered list of the migrations of one kind of schema.
type History struct {
	name  string
	steps []step
}

// step is one migration; down is empty where none is written.
type step struct {
	id, up, down string
}

// Control is the history of the schema control, on the home cluster.
func Control() History { return mustRead("control") }

// Dispatch is the history of the schema dispatch, on every cluster.
func Dispatch() History { return mustRead("dispatch") }

// Tenant is the history of every tenant's schema.
func Tenant() History { return mustRead("tenant") }

// Name is the history's folder, for example "tenant".
func (h History) Name() string { return h.name }

// Versions are the ids of all migrations, in order.
func (h History) Versions() []string {
	ids := make([]string, len(h.steps))
	for i, s := range h.steps {
		ids[i] = s.id
	}
	return ids
}

// Latest is the id of the newest migration.
func (h History) Latest() string { return h.steps[len(h.steps)-1].id }

// script is the whole history at once, for a schema that has nothing yet.
func (h History) script() string {
	var all strings.Builder
	for _, s := range h.steps {
		all.WriteString(s.up)
		all.WriteString("\n")
	}
	return all.String()
}

// mustRead panics on what no input can cause: the files are part of the program.
func mustRead(folder string) History {
	history, err := readHistory(files, folder)
	if err != nil {
		panic(err)
	}
	return history
}

func readHistory(source fs.FS, folder string) (History, error) {
	entries, err := fs.ReadDir(source, folder)
	if err != nil {
		return History{}, fmt.Errorf("migrations: list %s: %w", folder, err)
	}
	ups, downs := map[string]string{}, map[string]string{}
	for _, entry := range entries {
		text, err := fs.ReadFile(source, path.Join(folder, entry.Name()))
		if err != nil {
			return History{}, fmt.Errorf("migrations: read %s: %w", entry.Name(), err)
		}
		if id, isDown := strings.CutSuffix(entry.Name(), downEnding); isDown {
			downs[id] = string(text)
		} else {
			ups[strings.TrimSuffix(entry.Name(), upEnding)] = string(text)
		}
	}
	return joinSteps(folder, ups, downs)
}

func joinSteps(folder string, ups, downs map[string]string) (History, error) {
	history := History{name: folder}
	for id, up := range ups {
		history.steps = append(history.steps, step{id: id, up: up, down: downs[id]})
		delete(downs, id)
	}
	if len(downs) > 0 || len(ups) == 0 {
		return History{}, fmt.Errorf("migrations: %s has no migrations, or one that can only be undone", folder)
	}
	slices.SortFunc(history.steps, func(a, b step) int { return strings.Compare(a.id, b.id) })
	return history, nil
}
