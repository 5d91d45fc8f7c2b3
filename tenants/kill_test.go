package tenants_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// What the parent tells the child process through its environment.
const (
	childStep  = "TENANTS_TEST_STEP"
	childSlug  = "TENANTS_TEST_SLUG"
	childURL   = "TENANTS_TEST_URL"
	childOwner = "TENANTS_TEST_OWNER_URL"
)

// onboardAsChild onboards a tenant in a process of its own, tells when it has reached a step, and then
// waits to be killed.
func onboardAsChild() {
	clusters, err := tenants.OpenClusters(config.Settings{
		DatabaseURL: os.Getenv(childURL), OwnerDatabaseURL: os.Getenv(childOwner), DatabasePoolSize: 2,
	}, tenants.Options{})
	if err != nil {
		panic(err)
	}
	reach := func(step string) {
		if step == os.Getenv(childStep) {
			_, _ = os.Stdout.WriteString("reached\n")
			select {}
		}
	}
	service := tenants.NewService(clusters, func() []tenants.OnboardHook {
		return []tenants.OnboardHook{makeOwner, func(context.Context, *tenants.Tx, *tenants.Onboarding) error {
			reach("in the hooks")
			return nil
		}}
	})
	service.StopAfter(func(_ context.Context, step string) error { reach(step); return nil })
	_, _, err = service.Onboard(context.Background(), operator, requestFor(os.Getenv(childSlug)))
	panic(fmt.Sprint("the step was not reached: ", err))
}

func TestAKilledOnboardingIsFinishedByTheSameCall(t *testing.T) {
	t.Parallel()
	for _, step := range append(tenants.OnboardSteps(), "in the hooks") {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			slug := newSlug()
			killAt(t, step, slug)
			tenant, _, err := newService().Onboard(t.Context(), operator, requestFor(slug))
			require.NoError(t, err)
			require.Equal(t, tenants.Active, tenant.Status)
			require.Equal(t, []string{"Tenant.created", "Tenant.onboarded"}, controlEvents(t, shared, tenant.ID))
			requirePlaced(t, tenant)
			requireOneOwner(t, tenant)
		})
	}
}

// killAt starts an onboarding in another process and kills it when it has reached a step.
func killAt(t *testing.T, step, slug string) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), program)
	child.Env = append(os.Environ(), childStep+"="+step, childSlug+"="+slug,
		childURL+"="+server.AppURL(), childOwner+"="+server.OwnerURL())
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "it was killed")
	require.NoError(t, err)
	require.Equal(t, "reached\n", line)
}
