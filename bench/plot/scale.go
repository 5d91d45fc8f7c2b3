package plot

import (
	"math"
	"strconv"
)

// scale puts values between two ends of an axis.
type scale struct {
	low, high float64 // values
	from, to  float64 // positions
	log       bool
	marks     []float64
}

// logScale spans whole decades, or for a short axis the ones and fives of them.
func logScale(low, high, from, to float64) scale {
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	if low == high {
		high *= 10
	}
	s := scale{low: low, high: high, from: from, to: to, log: true}
	for v := low; v <= high*1.001; v *= 10 {
		s.marks = append(s.marks, v)
	}
	return s
}

// linearScale begins at zero and has about five marks at round figures.
func linearScale(high, from, to float64) scale {
	if high <= 0 {
		high = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(high/4)))
	for _, factor := range []float64{1, 2, 2.5, 5, 10} {
		if high/(step*factor) <= 5.001 {
			step *= factor
			break
		}
	}
	s := scale{high: step * math.Ceil(high/step-1e-9), from: from, to: to}
	for i := 0; float64(i)*step <= s.high*1.001; i++ {
		s.marks = append(s.marks, float64(i)*step)
	}
	return s
}

// at is where a value stands.
func (s scale) at(v float64) float64 {
	part := (v - s.low) / (s.high - s.low)
	if s.log {
		part = math.Log10(math.Max(v, s.low)/s.low) / math.Log10(s.high/s.low)
	}
	return s.from + part*(s.to-s.from)
}

// label writes a figure with thousands separated.
func label(v float64) string {
	if v < 1000 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
