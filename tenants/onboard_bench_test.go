package tenants_test

import "testing"

// BenchmarkOnboard is one tenant after the other, with everything that it needs.
func BenchmarkOnboard(b *testing.B) {
	service := newService()
	for b.Loop() {
		if _, _, err := service.Onboard(b.Context(), operator, requestFor(newSlug())); err != nil {
			b.Fatal(err)
		}
	}
}
