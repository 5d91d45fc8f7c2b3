package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// String lists the settings that have a value, masked, so that printing Settings by accident shows no
// password.
func (s Settings) String() string {
	var text strings.Builder
	for _, setting := range s.Masked() {
		if setting.Value != "" {
			fmt.Fprintf(&text, "%s=%s\n", setting.Name, setting.Value)
		}
	}
	return text.String()
}

// GoString keeps %#v from showing passwords.
func (s Settings) GoString() string { return s.String() }

// LogValue is the group of the masked settings that have a value, for the log at start.
func (s Settings) LogValue() slog.Value {
	var attributes []slog.Attr
	for _, setting := range s.Masked() {
		if setting.Value != "" {
			attributes = append(attributes, slog.String(setting.Name, setting.Value))
		}
	}
	return slog.GroupValue(attributes...)
}

// MarshalJSON is the object of the masked settings by variable.
func (s Settings) MarshalJSON() ([]byte, error) {
	values := map[string]string{}
	for _, setting := range s.Masked() {
		values[setting.Name] = setting.Value
	}
	encoded, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return encoded, nil
}

// String shows the cluster's URLs without their passwords.
func (c Cluster) String() string {
	return maskDatabaseURL(c.URL) + " " + maskDatabaseURL(c.OwnerURL)
}

// GoString keeps %#v from showing passwords.
func (c Cluster) GoString() string { return c.String() }

// LogValue keeps log handlers from showing passwords.
func (c Cluster) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText keeps encoders from showing passwords.
func (c Cluster) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
