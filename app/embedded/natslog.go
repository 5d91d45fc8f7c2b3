package embedded

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// natsLog hands the broker's warnings and errors to our log and drops its chatter.
type natsLog struct {
	log     *slog.Logger
	problem atomic.Pointer[string]
	fatal   atomic.Bool
}

func newNATSLog(log *slog.Logger) *natsLog {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &natsLog{log: log}
}

// Noticef drops what is no problem.
func (l *natsLog) Noticef(string, ...any) {}

// Debugf drops what only the broker's authors read.
func (l *natsLog) Debugf(string, ...any) {}

// Tracef drops the protocol, which is full of tenants' data.
func (l *natsLog) Tracef(string, ...any) {}

// Warnf passes a warning on.
func (l *natsLog) Warnf(format string, args ...any) {
	l.log.Warn("NATS reports a problem", "problem", l.keep(format, args))
}

// Errorf passes an error on.
func (l *natsLog) Errorf(format string, args ...any) {
	l.log.Error("NATS reports a problem", "problem", l.keep(format, args))
}

// Fatalf passes on an error after which the broker is of no use. It does not end the program: the
// start sees it.
func (l *natsLog) Fatalf(format string, args ...any) {
	l.log.Error("NATS reports a problem", "problem", l.keep(format, args))
	l.fatal.Store(true)
}

func (l *natsLog) keep(format string, args []any) string {
	text := fmt.Sprintf(format, args...)
	l.problem.Store(&text)
	return text
}

// gaveUp reports whether the broker said that it cannot go on.
func (l *natsLog) gaveUp() bool { return l.fatal.Load() }

// last returns the latest problem.
func (l *natsLog) last() string {
	if text := l.problem.Load(); text != nil {
		return *text
	}
	return "it was not ready in time"
}
