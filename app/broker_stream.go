package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

const (
	// StreamName is the stream that all events go to.
	StreamName = "EVENTS"
	// streamSubjects are what it takes.
	streamSubjects = "events.>"
	// streamDeleted is where JetStream tells that the stream was deleted.
	streamDeleted = "$JS.EVENT.ADVISORY.STREAM.DELETED." + StreamName
	// streamCheck is how often the stream is looked for beside the signals, which can be lost.
	streamCheck = 15 * time.Second
)

// ensureStream makes the stream as the settings say, and keeps it there: when the broker is away it
// is made as soon as that is back, and when it vanishes it is made again.
func (a *App) ensureStream(ctx context.Context) error {
	if a.broker == nil || !a.config.API && len(a.config.WorkerClusters) == 0 {
		return nil
	}
	if a.broker.conn.IsConnected() {
		err := a.broker.createStream(ctx, a.config.Settings.Stream)
		if refused := streamRefused(err); refused != nil {
			return refused
		}
		if err != nil { // it went away in this moment: the keeper goes on
			a.log.WarnContext(ctx, "the stream of events could not be made yet", "stream", StreamName, "error", err)
		}
	}
	a.parts = append(a.parts, a.inBackground(ctx, "the stream's keeper", a.keepStream))
	return nil
}

// streamRefused shows the broker's own words, which name the setting that it does not take. It is nil when
// the broker has said nothing.
func streamRefused(err error) error {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return fault.New(fault.Unavailable, "stream_refused",
			"The broker does not take the stream %s as TENANTRY_STREAM_* describe it: %s.", StreamName, api.Description).Because(err)
	}
	return nil
}

func (a *App) keepStream(ctx context.Context) error {
	deleted := make(chan *nats.Msg, 8)
	advised, err := a.broker.conn.ChanSubscribe(streamDeleted, deleted)
	if err != nil {
		return fmt.Errorf("listen for the stream's deletion: %w", err)
	}
	defer advised.Unsubscribe() //nolint:errcheck // it ends with the connection anyway
	check := time.NewTicker(streamCheck)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.broker.returned:
		case <-deleted:
		case <-check.C:
		}
		a.mendStream(ctx)
	}
}

// mendStream makes the stream when it is not there.
func (a *App) mendStream(ctx context.Context) {
	_, err := a.broker.js.Stream(ctx, StreamName)
	if err == nil || !a.broker.conn.IsConnected() {
		return
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = a.broker.createStream(ctx, a.config.Settings.Stream)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.log.WarnContext(ctx, "the stream of events cannot be made; trying again", "stream", StreamName, "error", err)
	default:
		a.log.InfoContext(ctx, "the stream of events was made", "stream", StreamName)
	}
}

func (b *broker) createStream(ctx context.Context, settings config.Stream) error {
	ctx, cancel := context.WithTimeout(ctx, brokerAnswer)
	defer cancel()
	if _, err := b.js.CreateOrUpdateStream(ctx, streamConfig(settings)); err != nil {
		return fmt.Errorf("make the stream %s: %w", StreamName, err)
	}
	return nil
}

func streamConfig(settings config.Stream) jetstream.StreamConfig {
	discard, maxBytes := jetstream.DiscardOld, int64(-1)
	if settings.Discard == "new" {
		discard = jetstream.DiscardNew
	}
	if settings.MaxBytes > 0 {
		maxBytes = settings.MaxBytes
	}
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "Every event of every tenant: events.<slug>.<Name>",
		Subjects:    []string{streamSubjects},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     discard,
		MaxAge:      settings.MaxAge,
		MaxBytes:    maxBytes,
		Replicas:    max(settings.Replicas, 1),
		Duplicates:  settings.DuplicateWindow,
		AllowDirect: true,
	}
}

// StreamDifferences names the settings that a stream does not follow.
func StreamDifferences(actual jetstream.StreamConfig, settings config.Stream) []string {
	wanted := streamConfig(settings)
	differing := map[string]bool{
		"TENANTRY_STREAM_MAX_AGE":          actual.MaxAge != wanted.MaxAge,
		"TENANTRY_STREAM_MAX_BYTES":        actual.MaxBytes != wanted.MaxBytes,
		"TENANTRY_STREAM_REPLICAS":         actual.Replicas != wanted.Replicas,
		"TENANTRY_STREAM_DUPLICATE_WINDOW": actual.Duplicates != wanted.Duplicates,
		"TENANTRY_STREAM_DISCARD":          actual.Discard != wanted.Discard,
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(differing)) {
		if differing[name] {
			names = append(names, name)
		}
	}
	return names
}
