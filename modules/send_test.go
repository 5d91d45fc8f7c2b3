package modules_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// send sends one request. It fails no test, so that any goroutine may use it.
func send(ctx context.Context, client *http.Client, method, url, token, body string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	got := answer{began: time.Now()}
	response, err := client.Do(request)
	if err != nil {
		return got, err
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end, or the request has failed
	text, err := io.ReadAll(response.Body)
	got.status, got.header, got.body = response.StatusCode, response.Header, string(text)
	return got, err
}
