package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// furthestTypo is how many letters may differ for a name to be suggested in the place of another.
const furthestTypo = 4

// serviceLink matches the variables that Kubernetes adds to every container for a service whose name
// begins with "tenantry"; nobody set them, so they are no mistake.
var serviceLink = regexp.MustCompile(
	`^TENANTRY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)$`)

func fromKubernetes(name, value string) bool {
	if serviceLink.MatchString(name) {
		return true
	}
	scheme, _, found := strings.Cut(value, "://")
	return strings.HasSuffix(name, "_PORT") && found && slices.Contains([]string{"tcp", "udp", "sctp"}, scheme)
}

// reportUnknown finds variables that no setting has.
func reportUnknown(variables map[string]string, found *mistakes) {
	known := map[string]bool{}
	for _, variable := range Reference() {
		known[variable.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if _, _, cluster := clusterVariable(name); known[name] || cluster {
			continue
		}
		if near := nearest(name, known); near != "" {
			found.addf(name, "is no setting; did you mean %s?", near)
			continue
		}
		found.addf(name, "is no setting; remove it, or see --help for those there are")
	}
}

// nearest returns the known name with the fewest differing letters, or nothing when all are far away.
func nearest(name string, known map[string]bool) string {
	best, bestDistance := "", furthestTypo+1
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if distance := editDistance(name, candidate); distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// editDistance counts the letters to insert, remove or replace to turn one text into the other.
func editDistance(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(to) {
			replaced := diagonal
			if from[i] != to[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

// Foreign is an environment without the program's settings, for a process that gets settings of its own.
func Foreign(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool { return strings.HasPrefix(variable, Prefix) })
}
