package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Client calls the API with one token.
type Client struct{ token string }

// NewClient makes a client; an empty token sends none.
func NewClient(token string) *Client { return &Client{token: token} }

// Do sends a request. A body that is neither nil, a string nor []byte is sent as its JSON. Headers
// are name and value in turn.
func (c *Client) Do(tb testing.TB, method, path string, body any, headers ...string) Response {
	tb.Helper()
	payload := encode(tb, body)
	request, err := http.NewRequestWithContext(tb.Context(), method, URL()+path, bytes.NewReader(payload))
	require.NoError(tb, err)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	require.Zero(tb, len(headers)%2, "a header has no value")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := current().http.Do(request)
	require.NoError(tb, err)
	defer answer.Body.Close() //nolint:errcheck // it was read
	content, err := io.ReadAll(answer.Body)
	require.NoError(tb, err)
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: content}
}

// Get asks for something.
func (c *Client) Get(tb testing.TB, path string, headers ...string) Response {
	tb.Helper()
	return c.Do(tb, http.MethodGet, path, nil, headers...)
}

// Post sends something new, or asks for something to be done.
func (c *Client) Post(tb testing.TB, path string, body any, headers ...string) Response {
	tb.Helper()
	return c.Do(tb, http.MethodPost, path, body, headers...)
}

// Patch changes something.
func (c *Client) Patch(tb testing.TB, path string, body any, headers ...string) Response {
	tb.Helper()
	return c.Do(tb, http.MethodPatch, path, body, headers...)
}

// Delete removes something.
func (c *Client) Delete(tb testing.TB, path string, headers ...string) Response {
	tb.Helper()
	return c.Do(tb, http.MethodDelete, path, nil, headers...)
}

func encode(tb testing.TB, body any) []byte {
	tb.Helper()
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return []byte(body)
	case []byte:
		return body
	default:
		encoded, err := json.Marshal(body)
		require.NoError(tb, err)
		return encoded
	}
}

// Response is an answer, read to its end.
type Response struct {
	// Status is the HTTP status.
	Status int
	// Header is the answer's header.
	Header http.Header
	// Body is all of it.
	Body []byte
}

// JSON decodes the body into a value, whatever the status is.
func (r Response) JSON(tb testing.TB, into any) {
	tb.Helper()
	require.NoError(tb, json.Unmarshal(r.Body, into), "status %d: %s", r.Status, r.Body)
}

// Require fails the test unless the answer has the status, and shows what it said instead.
func (r Response) Require(tb testing.TB, status int) Response {
	tb.Helper()
	require.Equal(tb, status, r.Status, "%s", r.Body)
	return r
}

// Code is the code of a problem.
func (r Response) Code(tb testing.TB) string {
	tb.Helper()
	var problem struct {
		Code string `json:"code"`
	}
	r.JSON(tb, &problem)
	return problem.Code
}
