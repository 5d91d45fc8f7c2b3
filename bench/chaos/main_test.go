package chaos

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenantry/tenantry/app/apptest"
)

// TestMain is also the main function of the parts, which are this program once more.
func TestMain(m *testing.M) {
	if part, ok := ThisPart(); ok {
		os.Exit(part.Run(context.Background()))
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(apptest.Unstoppable()...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
