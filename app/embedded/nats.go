package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	// natsReadyTimeout bounds a start, which after a crash looks through the newest stored messages.
	natsReadyTimeout  = 2 * time.Minute
	natsReadyInterval = 100 * time.Millisecond
	jetStreamFolder   = "jetstream"
)

// NATSConfig says where and how the broker runs.
type NATSConfig struct {
	// Dir is the data folder; streams are kept in Dir/jetstream.
	Dir string
	// Listen is the address for clients. Default: 127.0.0.1 and any free port, which is also what a
	// port of 0 means.
	Listen string
	// SyncAlways syncs each message to disk before it is acknowledged. Without it JetStream syncs
	// every two minutes: what it acknowledged outlives the death of the process, not of the machine.
	SyncAlways bool
	// Log hears the broker's warnings and errors. Default: nobody does.
	Log *slog.Logger
}

// NATS is a running broker inside this process.
type NATS struct {
	server *server.Server
}

// StartNATS starts a broker with JetStream on the data folder, which the caller holds, and waits
// until it takes connections. There is no authentication, so it listens on the loopback only.
func StartNATS(cfg NATSConfig) (*NATS, error) {
	options, err := natsOptions(cfg)
	if err != nil {
		return nil, err
	}
	if err := portFree(cfg.Listen, options); err != nil {
		return nil, err
	}
	broker, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	log := newNATSLog(cfg.Log)
	broker.SetLoggerV2(log, false, false, false)
	started := &NATS{server: broker}
	broker.Start()
	if !started.awaitReady(log) {
		started.Stop()
		return nil, fault.New(fault.Unavailable, "nats_start_failed",
			"NATS did not start with its files in %s: %s", options.StoreDir, log.last())
	}
	return started, nil
}

// awaitReady waits until the broker takes connections, or says that it never will.
func (n *NATS) awaitReady(log *natsLog) bool {
	for end := time.Now().Add(natsReadyTimeout); time.Now().Before(end) && !log.gaveUp(); {
		if n.server.ReadyForConnections(natsReadyInterval) {
			return n.server.JetStreamEnabled()
		}
	}
	return false
}

func natsOptions(cfg NATSConfig) (*server.Options, error) {
	if cfg.Dir == "" {
		return nil, errors.New("embedded: NATSConfig.Dir is empty")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, jetStreamFolder), privateFolder); err != nil {
		return nil, refusedFolder(dir, err)
	}
	host, port, err := natsAddress(cfg.Listen)
	if err != nil {
		return nil, err
	}
	return &server.Options{
		ServerName: "tenantry", Host: host, Port: port,
		// The server adds the folder "jetstream" itself.
		JetStream: true, StoreDir: dir, SyncAlways: cfg.SyncAlways,
		// Signals and the terminal belong to the program around it.
		NoSigs: true, NoLog: true,
	}, nil
}

// natsAddress takes an address apart and refuses one that others could reach.
func natsAddress(listen string) (string, int, error) {
	if listen == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, service, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, badAddress(listen, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, badAddress(listen, nil)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, badAddress(listen, err)
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), nil
}

func badAddress(listen string, cause error) error {
	return fault.New(fault.Invalid, "nats_listen_invalid",
		"The embedded NATS cannot listen on %q: give an address of this machine's loopback, like 127.0.0.1:4222.",
		listen).Because(cause)
}

// portFree says in a sentence that a port is taken, which is the most likely mistake.
func portFree(listen string, options *server.Options) error {
	if options.Port == server.RANDOM_PORT {
		return nil
	}
	address := &net.TCPAddr{IP: net.ParseIP(options.Host), Port: options.Port}
	listener, err := net.ListenTCP("tcp", address)
	if err != nil {
		return fault.New(fault.Unavailable, "nats_listen_taken",
			"The embedded NATS cannot listen on %s: stop the program there, or choose another with --nats-listen.",
			listen).Because(err)
	}
	if err := listener.Close(); err != nil {
		return fmt.Errorf("try %s: %w", listen, err)
	}
	return nil
}

// URL is how clients reach the broker.
func (n *NATS) URL() string { return n.server.ClientURL() }

// Stop ends the broker and waits until its files are closed. A second Stop does nothing.
func (n *NATS) Stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}
