package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/tenantry/tenantry/tenants"
)

// ErrNoTenant is why a job is cancelled whose tenant has left the cluster.
var ErrNoTenant = errors.New("jobs: no tenant of this cluster has added this job")

// tenantOf asks PostgreSQL, and not the job, whose it is. What the job says, its arguments and metadata,
// was written by whoever added it.
const tenantOf = `select t.tenant_id::text, t.slug, t.schema_name, t.role_name
	from jobs.river_job j join dispatch.tenants t on t.role_name = j.tenant_role
	where j.id = $1`

// Scope is the way to the data of the tenant that added a job. Without one the job can never be worked,
// and the error tells River to cancel it.
func Scope(ctx context.Context, cluster *tenants.Cluster, jobID int64) (*tenants.Scope, error) {
	var p tenants.Placement
	err := cluster.Pool().QueryRow(ctx, tenantOf, jobID).Scan(&p.TenantID, &p.Slug, &p.SchemaName, &p.RoleName)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, river.JobCancel(ErrNoTenant) //nolint:wrapcheck // River looks for it
	}
	if err != nil {
		return nil, fmt.Errorf("find the job's tenant: %w", err)
	}
	return cluster.Scope(p), nil
}
