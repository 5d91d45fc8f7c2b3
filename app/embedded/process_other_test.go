//go:build !linux

package embedded_test

// endsWithOwner says that the next start has to end a server whose owner was killed.
const endsWithOwner = false
