package tenants

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Claims are what a verified token says.
type Claims struct {
	// Subject is the user's id.
	Subject string
	// Tenant is the slug or id of the tenant; empty for an operator.
	Tenant string
	// Roles are those of the token that this program knows.
	Roles []Role
}

// maxClaim bounds the names in a token, which end up in events and logs.
const maxClaim = 255

// claimsOf reads the claims from where the settings say they are. It reports false for a token that is
// neither of a tenant nor of an operator, or claims to be both.
func claimsOf(all map[string]any, tenantClaim, rolesClaim string) (Claims, bool) {
	subject, _ := all["sub"].(string)
	claims := Claims{Subject: subject, Roles: rolesOf(lookup(all, rolesClaim))}
	switch tenant := lookup(all, tenantClaim).(type) {
	case nil:
	case string:
		claims.Tenant = tenant
		if !isPlain(tenant) {
			return Claims{}, false
		}
	default:
		return Claims{}, false
	}
	operator := slices.Contains(claims.Roles, Operator)
	return claims, isPlain(subject) && operator == (claims.Tenant == "")
}

// isPlain accepts a name that can be stored and logged as it is.
func isPlain(text string) bool {
	return text != "" && len(text) <= maxClaim && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// lookup finds a claim by its name or, if there is none of that name, by its dotted path. Issuers name
// claims after their host, which has dots of its own.
func lookup(claims map[string]any, path string) any {
	if value, ok := claims[path]; ok {
		return value
	}
	for i := 1; i < len(path)-1; i++ {
		if path[i] != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			return lookup(inner, path[i+1:])
		}
	}
	return nil
}

// rolesOf reads a list, or a text with spaces between. What it does not know it leaves out.
func rolesOf(value any) []Role {
	var names []string
	switch value := value.(type) {
	case string:
		names = strings.Fields(value)
	case []any:
		for _, item := range value {
			if name, ok := item.(string); ok {
				names = append(names, name)
			}
		}
	}
	var roles []Role
	for _, role := range []Role{Member, Admin, Auditor, Operator} {
		if slices.Contains(names, string(role)) {
			roles = append(roles, role)
		}
	}
	return roles
}

// setClaim puts a claim where lookup finds it.
func setClaim(claims map[string]any, path string, value any) {
	outer, inner, nested := strings.Cut(path, ".")
	if !nested || strings.Contains(path, "/") {
		claims[path] = value
		return
	}
	object, ok := claims[outer].(map[string]any)
	if !ok {
		object = map[string]any{}
		claims[outer] = object
	}
	setClaim(object, inner, value)
}
