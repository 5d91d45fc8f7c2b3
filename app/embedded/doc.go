// Package embedded is the embedded default: PostgreSQL and NATS JetStream, started by us.
//
// A developer or a small installation has no server to prepare: both keep their files in one data
// folder, listen on the loopback interface only, and end with the program, also when it was killed.
// The next start recovers whatever the last one left behind.
//
// A data folder belongs to one program at a time: open it with [OpenDataDir] before anything is
// started in it.
package embedded
