package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/tenantry/tenantry/app/module"
)

// show prints a result: JSON where that was asked for, else its table, else its message.
func (r *runner) show(result module.Result) error {
	if r.json {
		return r.showJSON(result.JSON)
	}
	if len(result.Columns) > 0 {
		if err := r.showTable(result.Columns, result.Rows); err != nil {
			return err
		}
	}
	for _, line := range append(result.Notes, result.Message) {
		if line == "" {
			continue
		}
		if _, err := fmt.Fprintln(r.Stdout, plainText(line)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

func (r *runner) showJSON(value any) error {
	encoder := json.NewEncoder(r.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

func (r *runner) showTable(columns []string, rows [][]string) error {
	table := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ToUpper(strings.Join(columns, "\t")))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.Map(plain, cell)
		}
		fmt.Fprintln(table, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print a table: %w", err)
	}
	return nil
}

// plain keeps what a tenant chose as its name from moving the cursor or breaking the table.
func plain(letter rune) rune {
	if letter < ' ' || letter >= 0x7f && letter < 0xa0 {
		return ' '
	}
	return letter
}

// plainText is the same for a text of several lines.
func plainText(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Map(plain, line)
	}
	return strings.Join(lines, "\n")
}
