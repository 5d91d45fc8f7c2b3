package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// tokenFlags are what a token is asked to say.
type tokenFlags struct {
	tenant, user string
	roles        []string
	ttl          time.Duration
	operator     bool
}

func (r *runner) token() *cobra.Command {
	var flags tokenFlags
	cmd := &cobra.Command{
		Use:   "token (--tenant SLUG --user ID --role ROLE | --operator)",
		Short: "Mint a token with the configured signing key, for development and tests",
		Example: "  tenantry token --tenant acme --user ada --role admin\n" +
			"  tenantry token --operator --ttl 15m",
		Args: takes(""),
		RunE: r.run(func(*cobra.Command, []string) error {
			request, err := flags.request()
			if err != nil {
				return err
			}
			settings, err := r.settings(config.Settings.RequireSigningKey)
			if err != nil {
				return err
			}
			token, err := tenants.Mint(settings.JWT, request)
			if err != nil {
				return err
			}
			fmt.Fprintln(r.Stdout, token)
			return nil
		}),
	}
	cmd.Flags().StringVar(&flags.tenant, "tenant", "", "slug or id of the tenant")
	cmd.Flags().StringVar(&flags.user, "user", "", "id of the user that it speaks for")
	cmd.Flags().StringSliceVar(&flags.roles, "role", nil, "member, admin or auditor; may be given several times")
	cmd.Flags().DurationVar(&flags.ttl, "ttl", time.Hour, "how long it is valid")
	cmd.Flags().BoolVar(&flags.operator, "operator", false, "an operator's token, which reaches no tenant's data")
	cmd.MarkFlagsMutuallyExclusive("operator", "tenant")
	cmd.MarkFlagsMutuallyExclusive("operator", "role")
	r.completeTenantFlag(cmd)
	completeWords(cmd, "role", roleNames()...)
	return cmd
}

func roleNames() []string {
	return []string{string(tenants.Member), string(tenants.Admin), string(tenants.Auditor)}
}

func (f tokenFlags) request() (tenants.TokenRequest, error) {
	request := tenants.TokenRequest{Tenant: f.tenant, UserID: f.user, TTL: f.ttl, Now: time.Now()}
	if f.ttl <= 0 {
		return request, usagef("--ttl must be longer than nothing.")
	}
	if f.operator {
		request.Roles = []tenants.Role{tenants.Operator}
		if request.UserID == "" {
			request.UserID = operator().UserID
		}
		return request, nil
	}
	if f.tenant == "" || f.user == "" || len(f.roles) == 0 {
		return request, usagef("A token needs --tenant, --user and --role, or --operator.")
	}
	for _, name := range f.roles {
		if !slices.Contains(roleNames(), name) {
			return request, usagef("--role must be member, admin or auditor.")
		}
		request.Roles = append(request.Roles, tenants.Role(name))
	}
	return request, nil
}
