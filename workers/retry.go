package workers

import (
	"errors"
	"math/rand/v2"
	"time"
	"unicode/utf8"

	"github.com/tenantry/tenantry/app/fault"
)

// RetryPolicy says when a failed delivery is tried again: exponentially later each time, with jitter.
type RetryPolicy struct {
	// MaxAttempts is after how many a delivery is dead. Default 12, which with the other defaults and the
	// jitter is 16 to 32 minutes after the first.
	MaxAttempts int
	// Base is the first wait. Default 1 s.
	Base time.Duration
	// Factor multiplies it each time. Default 2.
	Factor float64
	// Max bounds it. Default 15 min.
	Max time.Duration
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	fill(&p.MaxAttempts, 12)
	fill(&p.Base, time.Second)
	fill(&p.Factor, 2)
	fill(&p.Max, 15*time.Minute)
	return p
}

// Delay is the wait after so many attempts: between half and all of the exponential step.
func (p RetryPolicy) Delay(attempts int) time.Duration {
	step := float64(p.Base)
	for range attempts - 1 {
		step *= p.Factor
		if step >= float64(p.Max) {
			step = float64(p.Max)
			break
		}
	}
	return time.Duration(step/2 + rand.Float64()*step/2) //nolint:gosec // jitter needs no secrecy
}

// verdict judges a failed attempt: when to try again, or that it is dead.
func (p RetryPolicy) verdict(handler Handler, attempts int, now time.Time, err error) Verdict {
	return Verdict{
		Handler:       handler.Name,
		Dead:          attempts >= p.MaxAttempts || !retryable(err),
		Attempts:      attempts,
		NextAttemptAt: now.Add(p.Delay(attempts)),
		Error:         errorText(err),
		PassDead:      handler.ContinueAfterDead,
	}
}

// retryable asks the error's kind; an error of no kind may pass, so it is tried again.
func retryable(err error) bool {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Kind.Retryable()
	}
	return true
}

const maxErrorText = 500

// errorText is what the operator gets to read: bounded, and valid for a text column.
func errorText(err error) string {
	text := make([]rune, 0, maxErrorText)
	for _, r := range err.Error() {
		if len(text) == maxErrorText {
			break
		}
		if r == 0 || r == utf8.RuneError {
			r = '?'
		}
		text = append(text, r)
	}
	return string(text)
}
