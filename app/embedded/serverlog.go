package embedded

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	logName = "postgres.log"
	// logLimit is the size above which a start begins a new log, keeping one old one.
	logLimit = 10 << 20
	tailSize = 4 << 10
	tailRows = 12
)

// serverLog is the file that the server writes its messages to.
type serverLog struct {
	file *os.File
	// begin is where this start's messages begin.
	begin int64
}

func openServerLog(root string) (*serverLog, error) {
	name := filepath.Join(root, logName)
	if info, err := os.Stat(name); err == nil && info.Size() > logLimit {
		if err := os.Rename(name, name+".old"); err != nil {
			return nil, fmt.Errorf("put the old log of PostgreSQL aside: %w", err)
		}
	}
	file, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_APPEND|os.O_RDWR, privateFile)
	if err != nil {
		return nil, fmt.Errorf("open the log of PostgreSQL: %w", err)
	}
	begin, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, fmt.Errorf("open the log of PostgreSQL: %w", err)
	}
	return &serverLog{file: file, begin: begin}, nil
}

func (l *serverLog) close() {
	_ = l.file.Close() // the server writes through its own handle
}

// tail returns the last lines that were written since the log was opened.
func (l *serverLog) tail() string {
	info, err := l.file.Stat()
	if err != nil {
		return ""
	}
	from := max(l.begin, info.Size()-tailSize)
	text, err := io.ReadAll(io.NewSectionReader(l.file, from, info.Size()-from))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > tailRows {
		lines = lines[len(lines)-tailRows:]
	}
	return strings.Join(lines, "\n")
}
