package user

import (
	"net/http"
	"time"

	"github.com/tenantry/tenantry/app/rest"
)

// body is a user as clients see it.
type body struct {
	ID          string `json:"id" format:"uuid" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11"`
	Email       string `json:"email" example:"ada@example.com"`
	Name        string `json:"name" example:"Ada Lovelace"`
	Role        string `json:"role" enum:"member,admin,auditor"`
	Status      string `json:"status" enum:"active,disabled"`
	LockVersion int64  `json:"lock_version" example:"1" doc:"The version; its ETag is this number in quotes."`
	CreatedAt   string `json:"created_at" format:"date-time" example:"2026-01-02T03:04:05.678901Z"`
	UpdatedAt   string `json:"updated_at" format:"date-time" example:"2026-01-02T03:04:05.678901Z"`
}

// timeLayout is RFC 3339 in UTC with the microseconds that PostgreSQL keeps.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func bodyOf(u *User) *body {
	return &body{
		ID: u.ID, Email: u.Email, Name: u.Name, Role: string(u.Role), Status: string(u.Status),
		LockVersion: u.LockVersion,
		CreatedAt:   formatTime(u.CreatedAt),
		UpdatedAt:   formatTime(u.UpdatedAt),
	}
}

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

func show(u *User) *output {
	return &output{Status: http.StatusOK, ETag: rest.ETag(u.LockVersion), Body: bodyOf(u)}
}

func showPage(page Page) *listOutput {
	out := &listOutput{}
	out.Body.NextCursor = rest.NextCursor(page.Next)
	out.Body.Items = make([]*body, 0, len(page.Users))
	for _, u := range page.Users {
		out.Body.Items = append(out.Body.Items, bodyOf(u))
	}
	return out
}
