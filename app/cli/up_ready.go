package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// readyTTL is how long the tokens of the ready line are valid: a day's work.
const readyTTL = 24 * time.Hour

// ready is the line that up prints.
type ready struct {
	Ready         bool                   `json:"ready"`
	URL           string                 `json:"url"`
	MetricsURL    string                 `json:"metrics_url"`
	NATSURL       string                 `json:"nats_url"`
	DatabaseURL   string                 `json:"database_url"`
	OperatorToken string                 `json:"operator_token"`
	Tenants       map[string]readyTenant `json:"tenants"`
}

type readyTenant struct {
	Token string `json:"token"`
}

// readyLine is everything that a first request needs. Where tokens come from an issuer there is no key
// to mint with, so it has none.
func readyLine(running *app.App, settings config.Settings, onboarded []tenants.Tenant) ([]byte, error) {
	line := ready{
		Ready: true, URL: running.URL(), MetricsURL: running.MetricsURL(),
		NATSURL: settings.NATSURL, DatabaseURL: settings.DatabaseURL, Tenants: map[string]readyTenant{},
	}
	if settings.JWT.Secret != "" {
		if err := line.mint(settings.JWT, onboarded); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(line)
	if err != nil {
		return nil, fmt.Errorf("encode the line that says ready: %w", err)
	}
	return text, nil
}

func (l *ready) mint(settings config.JWT, onboarded []tenants.Tenant) error {
	request := tenants.TokenRequest{
		UserID: operator().UserID, Roles: []tenants.Role{tenants.Operator}, TTL: readyTTL, Now: time.Now(),
	}
	var err error
	if l.OperatorToken, err = tenants.Mint(settings, request); err != nil {
		return err
	}
	for _, tenant := range onboarded {
		request.Tenant, request.Roles = tenant.Slug, []tenants.Role{tenants.Admin}
		request.UserID = tenant.OwnerEmail
		if tenant.OwnerUserID != nil {
			request.UserID = *tenant.OwnerUserID
		}
		token, err := tenants.Mint(settings, request)
		if err != nil {
			return err
		}
		l.Tenants[tenant.Slug] = readyTenant{token}
	}
	return nil
}
