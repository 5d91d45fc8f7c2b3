package config

import "log/slog"

// mask is what is shown in the place of a secret.
const mask = "***"

// Secret is a text that never shows itself: every way of printing, logging or encoding it yields
// "***". Only Reveal returns it, so that a search for Reveal finds every use.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "***", or nothing when there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps encoders from showing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps log handlers from showing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
