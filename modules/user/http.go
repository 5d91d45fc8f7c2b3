package user

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

const path = "/v1/users"

type createInput struct{ Body createBody }

type createBody struct {
	Email string `json:"email" format:"email" maxLength:"254" example:"ada@example.com" doc:"A bare address, unique in the tenant whatever its case."`
	Name  string `json:"name" minLength:"1" maxLength:"200" example:"Ada Lovelace" doc:"For people; without control characters."`
	Role  string `json:"role" enum:"member,admin,auditor" example:"member" doc:"Shown and kept. It grants nothing: permissions come from the token's roles."`
}

// Resolve reports what the schema cannot say, together with what it says: all mistakes at once.
func (in *createInput) Resolve(huma.Context) []error {
	role := Role(in.Body.Role)
	return details(check(Changes{Email: &in.Body.Email, Name: &in.Body.Name, Role: &role}))
}

type changeInput struct {
	ID      string `path:"id" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The user's id."`
	IfMatch string `header:"If-Match" example:"\"1\"" doc:"The ETag of the version that you saw."`
	Body    changeBody
}

type changeBody struct {
	Email *string `json:"email,omitempty" format:"email" maxLength:"254" example:"ada@example.com" doc:"The new address."`
	Name  *string `json:"name,omitempty" minLength:"1" maxLength:"200" example:"Ada King" doc:"The new name."`
	Role  *string `json:"role,omitempty" enum:"member,admin,auditor" example:"admin" doc:"The new role."`
}

// Resolve reports what the schema cannot say, together with what it says: all mistakes at once.
func (in *changeInput) Resolve(huma.Context) []error { return details(check(in.changes())) }

func (in *changeInput) changes() Changes {
	return Changes{Email: in.Body.Email, Name: in.Body.Name, Role: (*Role)(in.Body.Role)}
}

type versionedInput struct {
	ID      string `path:"id" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The user's id."`
	IfMatch string `header:"If-Match" example:"\"1\"" doc:"The ETag of the version that you saw."`
}

type getInput struct {
	ID          string `path:"id" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The user's id."`
	IfNoneMatch string `header:"If-None-Match" example:"\"1\"" doc:"The ETag of the version that you have; answered with 304 while it is the current one."`
}

type listInput struct {
	Email  string `query:"email" example:"ada@example.com" doc:"Only the user with this address, whatever its case."`
	Status string `query:"status" enum:"active,disabled" example:"active" doc:"Only users of this status."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type output struct {
	Status   int
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     *body
}

type listOutput struct {
	Body struct {
		Items      []*body `json:"items" nullable:"false" doc:"The users, newest first."`
		NextCursor *string `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
	}
}

// routes registers the operations. What is common to all of them, such as the security scheme and
// the answers of the middleware, is added by the app.
func routes(api huma.API, service *Service) {
	door, one := door{service}, path+"/{id}"
	huma.Register(api, operation(http.MethodPost, path, "create-user", "Create a user", http.StatusConflict), door.create)
	huma.Register(api, operation(http.MethodGet, path, "list-users", "List users, newest first"), door.list)
	huma.Register(api, operation(http.MethodGet, one, "get-user", "Get a user", http.StatusNotModified, http.StatusNotFound), door.get)
	huma.Register(api, change(http.MethodPatch, one, "change-user", "Change a user", http.StatusConflict), door.change)
	huma.Register(api, change(http.MethodPost, one+"/disable", "disable-user", "Disable a user"), door.disable)
	huma.Register(api, change(http.MethodPost, one+"/enable", "enable-user", "Enable a user"), door.enable)
	huma.Register(api, change(http.MethodDelete, one, "delete-user", "Delete a user"), door.delete)
}

func operation(method, path, id, summary string, errors ...int) huma.Operation {
	op := huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"users"}, Errors: errors}
	if method == http.MethodPost && id == "create-user" {
		op.DefaultStatus = http.StatusCreated
	}
	return op
}

func change(method, path, id, summary string, errors ...int) huma.Operation {
	errors = append(errors, http.StatusNotFound, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	return operation(method, path, id, summary, errors...)
}

// door turns requests into calls of the service. The actor and the scope leave the context here.
type door struct{ service *Service }

func (d door) create(ctx context.Context, in *createInput) (*output, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	created, err := d.service.Create(ctx, actor, scope, Input{Email: in.Body.Email, Name: in.Body.Name, Role: Role(in.Body.Role)})
	if err != nil {
		return nil, err
	}
	out := show(created)
	out.Status, out.Location = http.StatusCreated, path+"/"+created.ID
	return out, nil
}

func (d door) list(ctx context.Context, in *listInput) (*listOutput, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	page, err := d.service.List(ctx, actor, scope, Filter{Email: in.Email, Status: Status(in.Status), Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	return showPage(page), nil
}

func (d door) get(ctx context.Context, in *getInput) (*output, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	found, err := d.service.Get(ctx, actor, scope, in.ID)
	if err != nil {
		return nil, err
	}
	out := show(found)
	if rest.SeenAlready(in.IfNoneMatch, found.LockVersion) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

func (d door) change(ctx context.Context, in *changeInput) (*output, error) {
	return d.write(ctx, in.IfMatch, func(actor tenants.Actor, scope *tenants.Scope, version rest.Version) (*User, error) {
		return d.service.Change(ctx, actor, scope, in.ID, version, in.changes())
	})
}

func (d door) disable(ctx context.Context, in *versionedInput) (*output, error) {
	return d.write(ctx, in.IfMatch, func(actor tenants.Actor, scope *tenants.Scope, version rest.Version) (*User, error) {
		return d.service.Disable(ctx, actor, scope, in.ID, version)
	})
}

func (d door) enable(ctx context.Context, in *versionedInput) (*output, error) {
	return d.write(ctx, in.IfMatch, func(actor tenants.Actor, scope *tenants.Scope, version rest.Version) (*User, error) {
		return d.service.Enable(ctx, actor, scope, in.ID, version)
	})
}

func (d door) delete(ctx context.Context, in *versionedInput) (*struct{}, error) {
	_, err := d.write(ctx, in.IfMatch, func(actor tenants.Actor, scope *tenants.Scope, version rest.Version) (*User, error) {
		return nil, d.service.Delete(ctx, actor, scope, in.ID, version)
	})
	return nil, err
}

func (door) write(
	ctx context.Context, ifMatch string, call func(tenants.Actor, *tenants.Scope, rest.Version) (*User, error),
) (*output, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	version, err := rest.ParseIfMatch(ifMatch)
	if err != nil {
		return nil, err
	}
	written, err := call(actor, scope, version)
	if err != nil || written == nil {
		return nil, err
	}
	return show(written), nil
}

func details(fields []fault.Field) []error {
	errs := make([]error, 0, len(fields))
	for _, field := range fields {
		errs = append(errs, &huma.ErrorDetail{Location: "body." + field.Name, Message: field.Message})
	}
	return errs
}
