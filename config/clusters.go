package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// HomeCluster is the name of the cluster that holds the registry.
const HomeCluster = "main"

const (
	clusterPrefix = Prefix + "CLUSTER_"
	ownerSuffix   = "_OWNER_URL"
	urlSuffix     = "_URL"
)

var clusterName = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

// Cluster returns how a cluster is reached; "main" is the home cluster. It reports false when neither
// of the cluster's URLs is set.
func (s Settings) Cluster(name string) (Cluster, bool) {
	if name == HomeCluster {
		home := Cluster{URL: s.DatabaseURL, OwnerURL: s.OwnerDatabaseURL}
		return home, home != Cluster{}
	}
	cluster, ok := s.Clusters[name]
	return cluster, ok
}

// ClusterNames lists the home cluster and then the further ones by name.
func (s Settings) ClusterNames() []string {
	return append([]string{HomeCluster}, slices.Sorted(maps.Keys(s.Clusters))...)
}

// clusters reads the variables of the further clusters.
func clusters(variables map[string]string, found *mistakes) map[string]Cluster {
	result := map[string]Cluster{}
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		upper, owner, ok := clusterVariable(variable)
		if !ok || variables[variable] == "" {
			continue
		}
		if problem := clusterNameProblem(upper); problem != "" {
			found.addf(variable, "%s", problem)
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(upper, "_", "-"))
		cluster := result[name]
		if owner {
			cluster.OwnerURL = variables[variable]
		} else {
			cluster.URL = variables[variable]
		}
		result[name] = cluster
	}
	return result
}

// clusterVariable splits a variable into the cluster's name as written there and which login it is.
func clusterVariable(variable string) (name string, owner, ok bool) {
	rest, ok := strings.CutPrefix(variable, clusterPrefix)
	if !ok {
		return "", false, false
	}
	// The cut begins one character early, so that a variable without a name is found to lack one.
	if name, ok = strings.CutSuffix("_"+rest, ownerSuffix); ok {
		return strings.TrimPrefix(name, "_"), true, true
	}
	name, ok = strings.CutSuffix("_"+rest, urlSuffix)
	return strings.TrimPrefix(name, "_"), false, ok
}

func clusterNameProblem(upper string) string {
	switch {
	case strings.EqualFold(upper, HomeCluster):
		return "must not name the home cluster: set TENANTRY_DATABASE_URL and TENANTRY_OWNER_DATABASE_URL instead"
	case !clusterName.MatchString(upper):
		return "must name its cluster in capitals, digits and single underscores, as TENANTRY_CLUSTER_EU_1_URL does"
	default:
		return ""
	}
}

// clusterVariableOf is the reverse: the variable of a cluster's URL.
func clusterVariableOf(name string, owner bool) string {
	suffix := urlSuffix
	if owner {
		suffix = ownerSuffix
	}
	return clusterPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + suffix
}
