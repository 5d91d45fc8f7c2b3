package deploycheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Dockerfile returns what is wrong with a Dockerfile: all that BuildKit's own linter finds in any
// stage, and an image that would run as root or through a shell.
func Dockerfile(ctx context.Context, text []byte) []string {
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", text)
	source.Definition = new(llb.Definition)
	options := dockerfile2llb.ConvertOpt{MetaResolver: emptyImages{}, SourceMap: source}
	options.TargetPlatform = &ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	results, err := dockerfile2llb.DockerfileLint(ctx, text, options)
	if err != nil {
		return []string{err.Error()}
	}
	if results.Error != nil {
		return []string{results.Error.Message}
	}
	problems := make([]string, 0, len(results.Warnings))
	for _, warning := range results.Warnings {
		problems = append(problems, fmt.Sprintf("line %d: %s: %s",
			firstLine(warning.Location), warning.RuleName, warning.Detail))
	}
	return slices.Concat(problems, stageProblems(text), imageProblems(ctx, text, options))
}

// stageProblems finds a COPY from a stage that does not exist: an engine would take its name for an
// image of some registry, and copy from that.
func stageProblems(text []byte) []string {
	stages, err := parseStages(text)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, stage := range stages {
		for _, command := range stage.Commands {
			copied, ok := command.(*instructions.CopyCommand)
			if !ok || copied.From == "" {
				continue
			}
			if _, known := instructions.HasStage(stages, copied.From); !known {
				problems = append(problems, "COPY from a stage that does not exist: "+copied.From)
			}
		}
	}
	return problems
}

func parseStages(text []byte) ([]instructions.Stage, error) {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("parse Dockerfile: %w", err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, fmt.Errorf("parse Dockerfile: %w", err)
	}
	if len(stages) == 0 {
		return nil, errors.New("the Dockerfile has no stage")
	}
	return stages, nil
}

// imageProblems converts the Dockerfile as a build would, and looks at the image that comes out.
func imageProblems(ctx context.Context, text []byte, options dockerfile2llb.ConvertOpt) []string {
	options.Warn = nil
	result, err := dockerfile2llb.Dockerfile2LLB(ctx, text, options)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	user, _, _ := strings.Cut(result.Image.Config.User, ":")
	if uid, err := strconv.Atoi(user); err != nil || uid == 0 {
		problems = append(problems, "the image must run as a user given by number that is not root")
	}
	entrypoint := result.Image.Config.Entrypoint
	if len(entrypoint) != 1 || !strings.HasPrefix(entrypoint[0], "/") {
		problems = append(problems, "the entrypoint must be the program itself, by its full path and without a shell")
	}
	return problems
}

func firstLine(location *pb.Location) int32 {
	if ranges := location.GetRanges(); len(ranges) > 0 {
		return ranges[0].GetStart().GetLine()
	}
	return 0
}

// emptyImages answers for a registry: every image exists and sets nothing.
type emptyImages struct{}

// ResolveImageConfig implements BuildKit's interface.
func (emptyImages) ResolveImageConfig(
	_ context.Context, ref string, _ sourceresolver.Opt,
) (string, digest.Digest, []byte, error) {
	config := []byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers"}}`)
	return ref, digest.FromBytes(config), config, nil
}
