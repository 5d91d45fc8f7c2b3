// Package deploycheck checks the files that put the program into containers, on machines that have
// no container engine: with the linters of the engine's own projects, and by building the program
// from exactly the files and with exactly the command that the engine would use.
package deploycheck
