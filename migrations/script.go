package migrations

// Script is all that Up runs in a schema that has nothing yet, as one text and without the transaction
// around it: for whoever wants to see it, or to run it with another client.
func (h History) Script(target Target) string {
	return preamble(target) + ";\n" + target.fill(h.script())
}
