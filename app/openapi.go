package app

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/swaggest/swgui/v5emb"

	"github.com/tenantry/tenantry/app/fault"
)

// The names of the two kinds of token in the API's document.
const (
	tenantScheme   = "tenant"
	operatorScheme = "operator"
)

const (
	documentPath = "/openapi.json"
	docsPath     = "/docs"
	// docsPolicy lets the page run its own scripts and styles and ask this server, and nobody else.
	docsPolicy = "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; " +
		"style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// apiConfig is huma without its own routes and formats: the document, the docs and the errors are ours.
func apiConfig(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Tenantry", Version: version,
				Description: "The API of one tenant's clients (/v1) and of operators (/admin/v1). Errors are problems " +
					"of RFC 9457 with a code for programs; lists go from page to page with next_cursor.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", nameSchema),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					tenantScheme:   bearerScheme("A token that names a tenant and the roles of its bearer: member, admin or auditor."),
					operatorScheme: bearerScheme("A token with the role operator and no tenant."),
				},
			},
		},
		// "json" stands for what ends in +json, which is what problems are.
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		Transformers:                 []huma.Transformer{completeProblem},
		RejectUnknownQueryParameters: true,
	}
}

func bearerScheme(description string) *huma.SecurityScheme {
	return &huma.SecurityScheme{Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: description}
}

// document adds to an operation what the middleware and the error table answer for all of them.
func document(scheme string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Security = []map[string][]string{{scheme: {}}}
		op.MaxBodyBytes = -1 // the server has limited it already
		delete(op.Responses, "default")
		kinds := []fault.Kind{fault.Malformed, fault.Unauthenticated, fault.Forbidden, fault.Unavailable, fault.Internal}
		if op.RequestBody != nil {
			kinds = append(kinds, fault.TooLarge, fault.UnsupportedMedia, fault.Invalid)
		} else {
			delete(op.Responses, strconv.Itoa(http.StatusUnprocessableEntity))
		}
		for _, kind := range kinds {
			status := statusOf(kind)
			op.Responses[strconv.Itoa(status)] = &huma.Response{}
		}
		for code, response := range op.Responses {
			documentProblem(code, response)
		}
	}
}

func documentProblem(code string, response *huma.Response) {
	status, err := strconv.Atoi(code)
	if err != nil || status < http.StatusMultipleChoices {
		return
	}
	response.Description = http.StatusText(status)
	if status == http.StatusNotModified {
		response.Content = nil
		return
	}
	example := exampleOf(status)
	response.Content = map[string]*huma.MediaType{
		problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}, Example: example},
	}
}

// exampleOf is what a client could see with a status.
func exampleOf(status int) *Problem {
	example := problemOfStatus(status)
	switch status {
	case http.StatusUnauthorized:
		example = newProblem(status, "unauthenticated", "A valid token is needed.")
	case http.StatusForbidden:
		example = newProblem(status, "forbidden", "Your role does not allow this.")
	case http.StatusConflict:
		example = newProblem(status, "email_taken", "Another user has this e-mail address.")
	case http.StatusPreconditionFailed:
		example = newProblem(status, "stale_version", "Somebody changed it since you read it; read it again and decide anew.")
	case http.StatusPreconditionRequired:
		example = newProblem(status, "version_required", "Say which version you saw; the current one is 3.")
	case http.StatusUnprocessableEntity:
		example = newProblem(status, "invalid", "Some fields are not valid.")
		example.Errors = []ProblemField{{Field: "email", Message: "is required"}}
	case http.StatusServiceUnavailable:
		example = newProblem(status, "database_unavailable", "The database is away; try again.")
	}
	example.RequestID = "01942e3c7d4c7b6e9f5e0c6a3b7d2f11"
	return example
}

// routeDocument serves the document, which is complete by the first request, and the page that shows
// it. All parts of the page are in the program.
func routeDocument(server *fiber.App, api huma.API) {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(api.OpenAPI()) })
	server.Get(documentPath, func(c *fiber.Ctx) error {
		text, err := document()
		if err != nil {
			return err
		}
		c.Type("json")
		return c.Send(text)
	})
	page := adaptor.HTTPHandler(v5emb.New(api.OpenAPI().Info.Title, documentPath, docsPath))
	show := func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
		if strings.TrimSuffix(c.Path(), "/") != docsPath {
			c.Set(fiber.HeaderCacheControl, "public, max-age=3600") // the parts are the same for everybody
		}
		return page(c)
	}
	server.Get(docsPath, show)
	server.Get(docsPath+"/*", show)
}
