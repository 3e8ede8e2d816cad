package advisory

import (
	_ "embed"
	"encoding/csv"
	"regexp"
	"strings"
	"sync"
)

var (
	//go:embed sources.csv
	sourcesCSV string
	//go:embed kernels.csv
	kernelsCSV string
	//go:embed running.csv
	runningCSV string
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

// runningRows are the rows of running.csv.
var runningRows = sync.OnceValue(func() (all []runningRow) {
	for _, r := range rows(runningCSV) {
		all = append(all, runningRow{r[0], r[1], strings.Fields(r[2]), regexp.MustCompile(r[3]), r[4]})
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
