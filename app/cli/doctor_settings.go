package cli

import (
	"fmt"

	"github.com/tenantry/tenantry/config"
)

const settingsWhere = "settings"

// examineSettings looks at what is allowed and most likely not meant.
func examineSettings(settings config.Settings) []finding {
	return []finding{examineSlots(settings), examineKey(settings), examineDurability(settings)}
}

func examineSlots(settings config.Settings) finding {
	slots, connections := settings.Worker.Slots, settings.DatabasePoolSize
	detail := fmt.Sprintf("%d slots over %d connections", slots, connections)
	if slots > connections {
		return finding{
			settingsWhere, "worker slots", verdictWarn, detail + ": slots wait for connections",
			"raise TENANTRY_DATABASE_POOL_SIZE, or lower TENANTRY_WORKER_SLOTS",
		}
	}
	return finding{settingsWhere, "worker slots", verdictOK, detail, ""}
}

func examineKey(settings config.Settings) finding {
	switch {
	case settings.JWT.JWKSURL != "":
		return finding{settingsWhere, "tokens", verdictOK, "verified with the issuer's key set", ""}
	case settings.JWT.Secret != "":
		return finding{
			settingsWhere, "tokens", verdictOK,
			"verified with a shared secret: whoever verifies can also mint", "in production prefer TENANTRY_JWT_JWKS_URL",
		}
	default:
		return finding{
			settingsWhere, "tokens", verdictWarn, "there is no key to verify with, so serve does not start here",
			"set TENANTRY_JWT_JWKS_URL or TENANTRY_JWT_SECRET",
		}
	}
}

func examineDurability(settings config.Settings) finding {
	if settings.Stream.Replicas == 1 {
		return finding{
			settingsWhere, "durability", verdictOK,
			"one replica: an acknowledged event outlives the broker's process, and not surely its machine",
			"TENANTRY_STREAM_REPLICAS=3 on a NATS cluster, or sync_always; the outbox can republish",
		}
	}
	return finding{settingsWhere, "durability", verdictOK, fmt.Sprintf("%d replicas", settings.Stream.Replicas), ""}
}
