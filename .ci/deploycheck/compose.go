package deploycheck

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// LoadCompose reads a compose file as an engine would, with these variables and no others.
func LoadCompose(ctx context.Context, path string, variables ...string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithEnv(variables), cli.WithResolvedPaths(true))
	if err != nil {
		return nil, fmt.Errorf("prepare to load %s: %w", path, err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return project, nil
}

// Compose returns what is wrong with a project beyond what the loader refuses.
func Compose(project *types.Project) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		service := project.Services[name]
		for _, problem := range slices.Concat(
			imageTagProblems(service), mountProblems(service), orderProblems(project, service), portProblems(service),
		) {
			problems = append(problems, name+": "+problem)
		}
	}
	return problems
}

func imageTagProblems(service types.ServiceConfig) []string {
	_, tag, _ := strings.Cut(service.Image, ":")
	if tag == "" || tag == "latest" {
		return []string{"the image has no fixed tag"}
	}
	return nil
}

// mountProblems finds files that are not there: an engine makes a folder of that name instead.
func mountProblems(service types.ServiceConfig) []string {
	var problems []string
	for _, volume := range service.Volumes {
		if volume.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(volume.Source); err != nil {
			problems = append(problems, fmt.Sprintf("the file to mount at %s does not exist", volume.Target))
		}
	}
	return problems
}

// orderProblems finds a service that waits for a state that another one can never report.
func orderProblems(project *types.Project, service types.ServiceConfig) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(service.DependsOn)) {
		condition, other := service.DependsOn[name].Condition, project.Services[name]
		switch {
		case condition == types.ServiceConditionHealthy && other.HealthCheck == nil:
			problems = append(problems, fmt.Sprintf("waits for the health of %s, which has no check", name))
		case condition == types.ServiceConditionCompletedSuccessfully && other.Restart != "on-failure":
			problems = append(problems, fmt.Sprintf("waits for the end of %s, which is started again", name))
		case condition == types.ServiceConditionStarted:
			problems = append(problems, fmt.Sprintf("waits for %s to start, which says nothing about it", name))
		}
	}
	return problems
}

// portProblems finds ports that an engine would open to the network, past the machine's firewall.
func portProblems(service types.ServiceConfig) []string {
	var problems []string
	for _, port := range service.Ports {
		if port.HostIP != "127.0.0.1" {
			problems = append(problems, "port "+port.Published+" is open to the network")
		}
	}
	return problems
}

// Environment lists a service's variables as NAME=value.
func Environment(service types.ServiceConfig) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(service.Environment)) {
		if value := service.Environment[name]; value != nil {
			list = append(list, name+"="+*value)
		}
	}
	return list
}
