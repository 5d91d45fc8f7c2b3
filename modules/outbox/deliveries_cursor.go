package outbox

// deliveryPosition is the place of a delivery in a tenant's order. The zero value is before the first.
type deliveryPosition struct {
	// Seq is the event's place.
	Seq int64 `json:"s"`
	// Handler tells the deliveries of one event apart.
	Handler string `json:"h"`
}

// genuine reports whether a list can have such a position.
func (p deliveryPosition) genuine() bool { return p.Seq >= 1 && p.Handler != "" && storable(p.Handler) }

func positionOf(d Delivery) any { return deliveryPosition{Seq: d.Seq, Handler: d.Handler} }

// statusPosition is where a page of tenants ends. The cluster comes first, because two servers need not
// agree on the order of slugs.
type statusPosition struct {
	// Cluster is the cluster that the page ends in.
	Cluster string `json:"c"`
	// Slug is its last tenant.
	Slug string `json:"s"`
}
