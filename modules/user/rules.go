package user

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	maxEmail = 254 // RFC 5321, 4.5.3.1.3: a path of 256 octets with its two brackets
	maxName  = 200
)

// check tells everything that is wrong with the values that are given.
func check(values Changes) []fault.Field {
	var fields []fault.Field
	report := func(name, message string) {
		if message != "" {
			fields = append(fields, fault.Field{Name: name, Message: message})
		}
	}
	if values.Email != nil {
		report("email", checkEmail(*values.Email))
	}
	if values.Name != nil {
		report("name", checkName(*values.Name))
	}
	if values.Role != nil {
		report("role", checkRole(*values.Role))
	}
	return fields
}

// checkEmail takes a bare address only: what else net/mail can read, such as a name or a comment
// beside the address, would make two spellings of one address.
func checkEmail(email string) string {
	if email == "" {
		return "is required"
	}
	if len(email) > maxEmail {
		return "must be at most 254 bytes long"
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || strings.ContainsFunc(email, unprintable) {
		return "must be a bare e-mail address, for example ada@example.com"
	}
	return ""
}

func checkName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "is required"
	case utf8.RuneCountInString(name) > maxName:
		return "must be at most 200 characters long"
	case !utf8.ValidString(name), strings.ContainsFunc(name, unprintable):
		return "must not contain control characters"
	default:
		return ""
	}
}

// unprintable finds what PostgreSQL's text cannot hold (NUL) and what would break lines in logs,
// mails and terminals.
func unprintable(r rune) bool { return unicode.IsControl(r) }

func checkRole(role Role) string {
	switch role {
	case Member, Admin, Auditor:
		return ""
	case "":
		return "is required"
	default:
		return "must be member, admin or auditor"
	}
}
