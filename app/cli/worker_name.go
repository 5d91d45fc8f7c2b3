package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// workerName is the file that tells data folders apart.
const workerName = "worker.id"

// keptWorkerName is the name under which the program of a data folder holds its tenants. It is the same
// at each start, so that one which follows a killed one takes its tenants over at once: the folder's lock
// has proved that the former is dead. Host and path are part of it, because a copy of the folder is
// another program.
func keptWorkerName(data string) (string, error) {
	name := filepath.Join(data, workerName)
	id, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		id = []byte(rand.Text())
		err = writePrivate(name, id)
	}
	if err != nil {
		return "", fmt.Errorf("read which data folder this is: %w", err)
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "worker"
	}
	path, err := filepath.Abs(data)
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	sum := sha256.Sum256([]byte(string(id) + "\n" + host + "\n" + path))
	return strings.ToLower(host) + "-" + hex.EncodeToString(sum[:4]), nil
}
