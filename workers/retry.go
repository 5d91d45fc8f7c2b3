package workers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
	"unicode/utf8"

	"github.com/tenantry/tenantry/app/fault"
)

var errRetryPolicy = errors.New(
	"workers: a retry policy needs an attempt, a positive base, a factor of 1 or more, and a max that is not below the base")

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

// over fills in what is not set from another policy.
func (p RetryPolicy) over(other RetryPolicy) RetryPolicy {
	fill(&p.MaxAttempts, other.MaxAttempts)
	fill(&p.Base, other.Base)
	fill(&p.Factor, other.Factor)
	fill(&p.Max, max(other.Max, p.Base))
	return p
}

// check is about a policy that is complete.
func (p RetryPolicy) check() error {
	if p.MaxAttempts < 1 || p.Base <= 0 || p.Max < p.Base || p.Factor < 1 {
		return fmt.Errorf("%w: %d attempts, base %s, factor %g, max %s", errRetryPolicy, p.MaxAttempts, p.Base, p.Factor, p.Max)
	}
	return nil
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
func (p RetryPolicy) verdict(handler *Handler, attempts int, tried attempt) Verdict {
	ended := tried.startedAt.Add(tried.took)
	return Verdict{
		Handler:       handler.Name,
		Dead:          attempts >= p.MaxAttempts || !retryable(tried.err),
		Attempts:      attempts,
		NextAttemptAt: ended.Add(p.wait(attempts, tried.err)),
		Error:         errorText(tried.err),
		PassDead:      handler.ContinueAfterDead,
		StartedAt:     tried.startedAt,
		Took:          tried.took,
	}
}

// wait is what the handler asked for, or else what the policy has.
func (p RetryPolicy) wait(attempts int, err error) time.Duration {
	if later, ok := errors.AsType[*RetryAfterError](err); ok && later.After > 0 {
		return min(later.After, longestRetryAfter)
	}
	return p.Delay(attempts)
}

// retryable goes by what the handler said, and else by the error's kind; an error of no kind may pass, so
// it is tried again.
func retryable(err error) bool {
	if _, never := errors.AsType[*NeverError](err); never {
		return false
	}
	if _, later := errors.AsType[*RetryAfterError](err); later {
		return true
	}
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
