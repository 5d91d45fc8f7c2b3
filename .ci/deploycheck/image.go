package deploycheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// CopyContext copies what an engine would send to the build: the repository without what its
// .dockerignore names.
func CopyContext(repository, destination string) error {
	ignored, err := ignoreMatcher(repository)
	if err != nil {
		return err
	}
	source := os.DirFS(repository)
	err = fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		skip, err := ignored.MatchesOrParentMatches(name)
		switch {
		case err != nil:
			return fmt.Errorf("match %s: %w", name, err)
		case skip && entry.IsDir() && !ignored.Exclusions():
			return fs.SkipDir
		case skip || !entry.Type().IsRegular():
			return nil
		}
		return copyFile(source, name, filepath.Join(destination, name))
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", repository, err)
	}
	return nil
}

func ignoreMatcher(repository string) (*patternmatcher.PatternMatcher, error) {
	text, err := os.ReadFile(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		return nil, fmt.Errorf("read ignored files: %w", err)
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("parse ignored files: %w", err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("parse ignored files: %w", err)
	}
	return matcher, nil
}

func copyFile(source fs.FS, name, destination string) error {
	text, err := fs.ReadFile(source, name)
	if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(destination), 0o750); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	if err := os.WriteFile(destination, text, 0o600); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}

// Build runs the last RUN of the Dockerfile's first stage in a folder, with the build arguments in
// the environment, and puts what it makes below out instead of /out.
func Build(ctx context.Context, dockerfile []byte, folder, out string, arguments ...string) error {
	command, err := buildCommand(dockerfile)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "sh", "-c", strings.ReplaceAll(command, "/out/", out+"/"))
	build.Dir = folder
	build.Env = append(os.Environ(), append(arguments, "GOFLAGS=-buildvcs=false")...)
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, output)
	}
	return nil
}

func buildCommand(dockerfile []byte) (string, error) {
	stages, err := parseStages(dockerfile)
	if err != nil {
		return "", err
	}
	found := ""
	for _, command := range stages[0].Commands {
		if run, ok := command.(*instructions.RunCommand); ok {
			found = strings.Join(run.CmdLine, " ")
		}
	}
	if found == "" {
		return "", errors.New("the Dockerfile's first stage runs nothing")
	}
	return found, nil
}
