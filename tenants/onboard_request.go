package tenants

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
)

// OnboardRequest is what onboarding needs to know of a new tenant.
type OnboardRequest struct {
	// Slug is the name in URLs, tokens and subjects, never given to another tenant.
	Slug string `json:"slug"`
	// Name is for people.
	Name string `json:"name"`
	// Cluster is where it is placed. Default: the home cluster.
	Cluster string `json:"cluster"`
	// OwnerEmail is the address of its first admin.
	OwnerEmail string `json:"owner_email"`
	// OwnerName is the first admin's name. Default: the address up to its "@".
	OwnerName string `json:"owner_name"`
}

const (
	maxName  = 200
	maxEmail = 254
)

// normalize fills in the defaults, so that the same request is recognized when it comes again.
func (r OnboardRequest) normalize() OnboardRequest {
	r.Name, r.OwnerName = strings.TrimSpace(r.Name), strings.TrimSpace(r.OwnerName)
	r.OwnerEmail = strings.TrimSpace(r.OwnerEmail)
	if r.Cluster == "" {
		r.Cluster = HomeCluster
	}
	if r.OwnerName == "" {
		r.OwnerName = nameOf(r.OwnerEmail)
	}
	return r
}

// check reports all mistakes at once, by the names that the request's body has.
func (r OnboardRequest) check(clusters *Clusters) error {
	fields := CheckSlug(r.Slug)
	fields = append(fields, checkName("name", r.Name)...)
	if _, err := clusters.Get(r.Cluster); err != nil {
		fields = append(fields, fault.Field{Name: "cluster", Message: "is not a cluster of this installation"})
	}
	addressed := isEmail(r.OwnerEmail)
	if !addressed {
		fields = append(fields, fault.Field{Name: "owner.email", Message: "must be an e-mail address"})
	}
	if addressed || r.OwnerName != nameOf(r.OwnerEmail) { // a name made of a bad address is not another mistake
		fields = append(fields, checkName("owner.name", r.OwnerName)...)
	}
	return fault.InvalidFields(fields)
}

// nameOf makes a name of an address.
func nameOf(email string) string {
	name, _, _ := strings.Cut(email, "@")
	return name
}

func checkName(field, name string) []fault.Field {
	length := utf8.RuneCountInString(name)
	if length == 0 || length > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return []fault.Field{{Name: field, Message: "must be 1 to 200 characters, without control characters"}}
	}
	return nil
}

// isEmail accepts a bare address: no display name, no comment, no quotes, and a host with a dot or not.
func isEmail(address string) bool {
	parsed, err := mail.ParseAddress(address)
	plain := err == nil && parsed.Name == "" && parsed.Address == address && len(address) <= maxEmail
	return plain && !strings.ContainsAny(address, "\"<>()[]\\, ") && !strings.ContainsFunc(address, unicode.IsControl)
}

// newTenant is the row that a request begins with.
func (r OnboardRequest) newTenant(home *Cluster) (Tenant, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Tenant{}, err //nolint:wrapcheck // the system has no randomness: nothing to add
	}
	now, name := home.Now(), schemaName(id)
	return Tenant{
		ID: id.String(), Slug: r.Slug, Name: r.Name, Status: Provisioning, Cluster: r.Cluster,
		SchemaName: name, RoleName: name, Weight: 1, OwnerEmail: r.OwnerEmail, OwnerName: r.OwnerName,
		LockVersion: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// requestOf is the request that a tenant was made of.
func requestOf(t Tenant) OnboardRequest {
	return OnboardRequest{Slug: t.Slug, Name: t.Name, Cluster: t.Cluster, OwnerEmail: t.OwnerEmail, OwnerName: t.OwnerName}
}

// sameAs reports whether a request is the one that made a tenant.
func (r OnboardRequest) sameAs(t Tenant) bool { return r == requestOf(t) }
