package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
)

// brokerPatience bounds what the doctor asks the broker.
const brokerPatience = 5 * time.Second

const brokerWhere = "broker"

// examineBroker looks at the connection, at JetStream, and at the stream of events.
func examineBroker(ctx context.Context, env module.Env, settings config.Settings) []finding {
	ctx, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	switch {
	case env.NATS == nil:
		return []finding{{brokerWhere, "reachable", verdictFail, "there is none in the settings", "set TENANTRY_NATS_URL"}}
	case !env.NATS.IsConnected():
		return []finding{{
			brokerWhere, "reachable", verdictFail, "it cannot be reached; events wait in the outbox",
			"start it, or correct TENANTRY_NATS_URL",
		}}
	}
	found := []finding{{brokerWhere, "reachable", verdictOK, "NATS " + env.NATS.ConnectedServerVersion(), ""}}
	if _, err := env.JetStream.AccountInfo(ctx); err != nil {
		return append(found, finding{
			brokerWhere, "JetStream", verdictFail, "it does not answer: " + mask(err.Error()),
			"enable JetStream on the server and for this account",
		})
	}
	found = append(found, finding{brokerWhere, "JetStream", verdictOK, "enabled", ""})
	return append(found, examineStream(ctx, env.JetStream, settings.Stream))
}

func examineStream(ctx context.Context, js jetstream.JetStream, settings config.Stream) finding {
	what := "stream " + app.StreamName
	stream, err := js.Stream(ctx, app.StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return finding{brokerWhere, what, verdictWarn, "it is not there", "the next start of serve, worker or up makes it"}
	}
	if err != nil {
		return finding{brokerWhere, what, verdictFail, "it cannot be looked at: " + mask(err.Error()), "check this account's permissions"}
	}
	actual := stream.CachedInfo().Config
	if differing := app.StreamDifferences(actual, settings); len(differing) > 0 {
		return finding{
			brokerWhere, what, verdictWarn, "it is not as the settings say: " + strings.Join(differing, ", "),
			"restart serve or worker with the settings that are meant",
		}
	}
	detail := fmt.Sprintf("%d messages, %d replicas, duplicates known for %s",
		stream.CachedInfo().State.Msgs, actual.Replicas, actual.Duplicates)
	return finding{brokerWhere, what, verdictOK, detail, ""}
}
