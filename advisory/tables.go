package advisory

import (
	_ "embed"
	"encoding/csv"
	"strings"
	"sync"
)

var (
	//go:embed sources.csv
	sourcesCSV string
	//go:embed kernels.csv
	kernelsCSV string
)

// A sourceRow is a row of sources.csv.
type sourceRow struct {
	source  starred
	becomes string
}

// A kernelRow is a row of kernels.csv.
type kernelRow struct {
	name, source starred
	releases     []string
	program      bool // not of a kernel
}

// sources are the rows of sources.csv, by ecosystem.
var sources = sync.OnceValue(func() map[string][]sourceRow {
	all := map[string][]sourceRow{}
	for _, r := range rows(sourcesCSV) {
		all[r[0]] = append(all[r[0]], sourceRow{newStarred(r[1]), r[2]})
	}
	return all
})

// kernels are the rows of kernels.csv, by manager.
var kernels = sync.OnceValue(func() map[string][]kernelRow {
	all := map[string][]kernelRow{}
	for _, r := range rows(kernelsCSV) {
		row := kernelRow{name: newStarred(r[1]), source: newStarred(r[2]), releases: strings.Fields(r[3]), program: r[3] == "-"}
		if r[2] == "" {
			row.source = newStarred("*")
		}
		all[r[0]] = append(all[r[0]], row)
	}
	return all
})

// rows are those of a table of ours, without its header.
func rows(table string) [][]string {
	c := csv.NewReader(strings.NewReader(table))
	c.Comment = '#'
	all, err := c.ReadAll()
	if err != nil {
		panic(err) // embedded: a test reads it
	}
	return all[1:]
}
