package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tenantry/tenantry/app/cli"
	"github.com/tenantry/tenantry/app/embedded"
)

// partEnv makes a process a part of a run. Its value is the part, as JSON. It does not begin as the
// settings do, among which it would be a misspelled one.
const partEnv = "CHAOS_PART"

// Part is a process of a run: a worker, or the broker. It lives until its input ends, which it does with
// the run's own process at the latest.
type Part struct {
	// Journal is the file in which a worker's external handler notes its calls.
	Journal string `json:"journal,omitempty"`
	// BrokerDir and BrokerListen are where the broker keeps its files and listens.
	BrokerDir    string `json:"broker_dir,omitempty"`
	BrokerListen string `json:"broker_listen,omitempty"`
}

// ThisPart returns the part that this process was started as. Most processes are none.
func ThisPart() (*Part, bool) {
	encoded, ok := os.LookupEnv(partEnv)
	if !ok {
		return nil, false
	}
	var part Part
	if err := json.Unmarshal([]byte(encoded), &part); err != nil {
		return nil, false
	}
	return &part, true
}

// Run is the main function of such a process. It returns the exit code.
func (p *Part) Run(ctx context.Context) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin)) // an error is an end too
		cancel()
	}()
	run := p.worker
	if p.BrokerDir != "" {
		run = p.broker
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "the process of a chaos run failed:", err)
		return 1
	}
	return 0
}

// broker serves until the context ends.
func (p *Part) broker(ctx context.Context) error {
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: p.BrokerDir, Listen: p.BrokerListen})
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Stop()
	return nil
}

// worker is the program's own command, with two handlers more.
func (p *Part) worker(ctx context.Context) error {
	journal, err := openJournal(p.Journal)
	if err != nil {
		return err
	}
	code := cli.Main(ctx, cli.Program{
		Args: []string{"tenantry", "worker", "--cluster", "main"}, Environ: os.Environ(),
		Stdin: strings.NewReader(""), Stdout: os.Stdout, Stderr: os.Stderr,
		Build: withHandlers(journal), Version: "chaos",
	})
	if code != 0 {
		return fmt.Errorf("the worker ended with %d", code)
	}
	return journal.close()
}
