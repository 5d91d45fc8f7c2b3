package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/PID/stat on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime is the time that a process has used, and its children as well if they are to count: those that
// ended and those that run.
func cpuTime(pid int, children bool) (used time.Duration, known bool) {
	fields, ok := stat(pid)
	if !ok {
		return 0, false
	}
	used = ticks(fields[11]) + ticks(fields[12])
	if !children {
		return used, true
	}
	used += ticks(fields[13]) + ticks(fields[14])
	all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, path := range all {
		child, err := strconv.Atoi(filepath.Base(path))
		if err != nil || parentOf(child) != pid {
			continue
		}
		if more, ok := cpuTime(child, false); ok {
			used += more
		}
	}
	return used, true
}

// parentOf is 0 when it is not known.
func parentOf(pid int) int {
	fields, ok := stat(pid)
	if !ok {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

// stat are the fields behind the program's name, which may hold anything: state, parent, and so on, as
// proc(5) numbers them from 3.
func stat(pid int) ([]string, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, false
	}
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	return fields, len(fields) > 14
}

func ticks(field string) time.Duration {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * tick
}
