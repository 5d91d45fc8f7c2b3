package outbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
)

// deliveryPosition is the place of a delivery in a tenant's order. The zero value is before the first.
type deliveryPosition struct {
	// Seq is the event's place.
	Seq int64 `json:"s"`
	// Handler tells the deliveries of one event apart.
	Handler string `json:"h"`
}

// encode makes the cursor that stands for the position; clients take it for opaque.
func (p deliveryPosition) encode() (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", err //nolint:wrapcheck // the caller does
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// parseDeliveryCursor reads what encode wrote, and nothing else: it comes back from outside.
func parseDeliveryCursor(cursor string) (deliveryPosition, error) {
	var p deliveryPosition
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return p, badCursor().Because(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, badCursor().Because(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return p, badCursor()
	}
	if p.Seq < 1 || p.Handler == "" || !storable(p.Handler) {
		return p, badCursor()
	}
	return p, nil
}
