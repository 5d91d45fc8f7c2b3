package tenants

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/migrations"
)

// Finding is one thing that the inspection looked at.
type Finding struct {
	// Cluster is where.
	Cluster string
	// Name says what was looked at, for example "set_config".
	Name string
	// OK tells that it is as it should be.
	OK bool
	// Detail says what was found.
	Detail string
	// Advice says what to do about it, empty when nothing is.
	Advice string
}

// Inspect looks at what protects the tenants from each other on every cluster, and at whether all of
// them are up to date. What cannot be looked at is a finding too.
func (s *Service) Inspect(ctx context.Context) []Finding {
	var findings []Finding
	for _, name := range s.clusters.Names() {
		findings = append(findings, s.clusters.clusters[name].inspect(ctx)...)
	}
	return append(findings, s.registry.inspect(ctx)...)
}

// inspect asks every question of the cluster, as the application's login.
func (c *Cluster) inspect(ctx context.Context) []Finding {
	var findings []Finding
	for _, question := range questions() {
		found := question.ask(ctx, c)
		found.Cluster = c.config.Name
		findings = append(findings, found)
		if found.Name == reachable && !found.OK {
			break
		}
	}
	return findings
}

// ask runs a question. Its query returns one text for everything that is wrong.
func (q question) ask(ctx context.Context, c *Cluster) Finding {
	found := Finding{Name: q.name, OK: true, Detail: q.good}
	rows, err := c.pool.Query(ctx, q.sql)
	if err != nil {
		return Finding{Name: q.name, Detail: "cannot be looked at: " + describe(err), Advice: q.advice}
	}
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Finding{Name: q.name, Detail: "cannot be looked at: " + describe(err), Advice: q.advice}
	}
	if len(wrong) > 0 {
		found = Finding{Name: q.name, Detail: q.bad + ": " + strings.Join(wrong[:min(len(wrong), maxShown)], ", "), Advice: q.advice}
	}
	if len(wrong) > maxShown {
		found.Detail += fmt.Sprintf(" and %d more", len(wrong)-maxShown)
	}
	return found
}

// maxShown bounds the names in a finding.
const maxShown = 10

// describe leaves out what a connection's error says of hosts and users.
func describe(err error) string {
	if away(err) {
		return "the database is away"
	}
	return err.Error()
}

// inspect looks for tenants that are not up to date.
func (r *Registry) inspect(ctx context.Context) []Finding {
	found := Finding{Cluster: r.home.config.Name, Name: "migrations", OK: true, Detail: "every tenant has " + migrations.Tenant().Latest()}
	outdated, err := r.outdated(ctx, MigrateOptions{})
	switch {
	case err != nil:
		found.OK, found.Detail, found.Advice = false, "cannot be looked at: "+describe(err), "run the migrations"
	case len(outdated) > 0:
		found.OK = false
		found.Detail = fmt.Sprintf("%d tenants are behind or failed, the first is %s", len(outdated), outdated[0].Slug)
		found.Advice = "run `tenantry migrate up`; the tenant's schema_error says why one failed"
	}
	return []Finding{found}
}
