package config

// What a command cannot do without depends on the command, so these checks are separate from
// Validate: `up` fills in what is embedded, a worker needs one cluster and the broker, and so on.

// RequireServe checks that the API can run: the home cluster, the broker and a key are set.
func (s Settings) RequireServe() error {
	var found mistakes
	s.requireHome(&found)
	s.requireBroker(&found)
	s.requireKey(&found)
	return found.err()
}

// RequireWorker checks that a worker of this cluster can run: it needs that cluster and the broker,
// and nothing of the home cluster.
func (s Settings) RequireWorker(cluster string) error {
	var found mistakes
	if cluster == HomeCluster {
		s.requireHome(&found)
	} else if s.Clusters[cluster].URL == "" {
		found.addf(clusterVariableOf(cluster, false), "must be set, because the worker of cluster %q needs it", cluster)
	}
	s.requireBroker(&found)
	return found.err()
}

// RequireOwner checks that migrations and onboarding can run on these clusters; without names it
// checks the home cluster and every further one that is set.
func (s Settings) RequireOwner(names ...string) error {
	var found mistakes
	if len(names) == 0 {
		names = s.ClusterNames()
	}
	for _, name := range names {
		if cluster, _ := s.Cluster(name); cluster.OwnerURL != "" {
			continue
		}
		variable := clusterVariableOf(name, true)
		if name == HomeCluster {
			variable = "TENANTRY_OWNER_DATABASE_URL"
		}
		found.addf(variable, "must be set, because only the owner's login may change schemas")
	}
	return found.err()
}

// RequireSigningKey checks that tokens can be minted here, which a key set cannot do.
func (s Settings) RequireSigningKey() error {
	var found mistakes
	if s.JWT.Secret == "" {
		found.addf("TENANTRY_JWT_SECRET", "must be set to mint tokens")
	}
	return found.err()
}

// RequireUp checks that what is embedded and what is given fit together: a database is given with
// both of its logins, or embedded with both.
func (s Settings) RequireUp() error {
	var found mistakes
	if s.DatabaseURL == "" && s.OwnerDatabaseURL != "" {
		found.addf("TENANTRY_DATABASE_URL", "must be set together with TENANTRY_OWNER_DATABASE_URL")
	}
	if s.DatabaseURL != "" && s.OwnerDatabaseURL == "" {
		found.addf("TENANTRY_OWNER_DATABASE_URL",
			"must be set together with TENANTRY_DATABASE_URL, because up migrates the database")
	}
	return found.err()
}

func (s Settings) requireHome(found *mistakes) {
	if s.DatabaseURL == "" {
		found.addf("TENANTRY_DATABASE_URL", "must be set")
	}
}

func (s Settings) requireBroker(found *mistakes) {
	if s.NATSURL == "" {
		found.addf("TENANTRY_NATS_URL", "must be set")
	}
}

func (s Settings) requireKey(found *mistakes) {
	if s.JWT.Secret == "" && s.JWT.JWKSURL == "" {
		found.addf("TENANTRY_JWT_SECRET", "or TENANTRY_JWT_JWKS_URL must be set, to verify tokens with")
	}
}
