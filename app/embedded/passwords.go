package embedded

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenantry/tenantry/app/fault"
)

// The logins. bootstrap.sql makes the latter two.
const (
	superuser  = "postgres"
	ownerLogin = "tenantry_owner"
	appLogin   = "tenantry_app"

	passwordFile = "postgres.passwords"
)

// passwords maps a login to its password.
type passwords map[string]string

// generatePasswords makes the passwords of a new cluster and keeps them in the data folder, before
// the cluster exists: no crash can leave a cluster that nobody can log in to.
func generatePasswords(root string) (passwords, error) {
	made := passwords{superuser: rand.Text(), ownerLogin: rand.Text(), appLogin: rand.Text()}
	text, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("write passwords: %w", err)
	}
	if err := replaceFile(filepath.Join(root, passwordFile), text); err != nil {
		return nil, fmt.Errorf("write passwords: %w", err)
	}
	return made, nil
}

// loadPasswords reads the passwords of an existing cluster.
func loadPasswords(root string) (passwords, error) {
	name := filepath.Join(root, passwordFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Unavailable, "postgres_passwords_missing",
			"The passwords of this PostgreSQL are gone: bring %s back.", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	var kept passwords
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, fmt.Errorf("read passwords in %s: %w", name, err)
	}
	return kept, nil
}

// replaceFile writes a private file that is whole or not there, also after a power cut.
func replaceFile(name string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-")
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone already when all went well
	_, writeErr := file.Write(text)
	if err := errors.Join(writeErr, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("name a file: %w", err)
	}
	return nil
}

// scramIterations is PostgreSQL's own number. The passwords are random, so more would add nothing.
const scramIterations = 4096

// scramVerifier is what PostgreSQL keeps of a password. Sending this instead of the password keeps
// the password out of every statement, and so out of every log and view of statements.
func scramVerifier(password string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make salt: %w", err)
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive key: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations,
		encode(salt), encode(stored[:]), encode(mac(salted, "Server Key"))), nil
}

func mac(key []byte, message string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(message))
	return hash.Sum(nil)
}
