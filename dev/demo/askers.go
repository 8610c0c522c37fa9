package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// asker is one who asks, with what the policies of examples/demo/bundle.yaml promise.
type asker struct {
	title   string
	login   string // who connects
	stead   string // in whose stead, "" for oneself
	depts   []string
	cleared bool
	project bool // acts in the project headcount, which has hr_data only
	owner   bool
}

const (
	ana   = "ana@example.com"
	bo    = "bo@example.com"
	bi    = "bi@example.com"
	pia   = "pia@example.com"
	olga  = "olga@example.com"
	scout = "scout@example.com"
)

func askers() []asker {
	sales, both := []string{"Sales"}, []string{"Sales", "Finance"}
	return []asker{
		{title: "ana, an analyst", login: ana, depts: sales},
		{title: "bo, an analyst with clearance", login: bo, depts: both, cleared: true},
		{title: "bi in ana's stead", login: bi, stead: ana, depts: sales},
		{title: "bi in bo's stead", login: bi, stead: bo, depts: both, cleared: true},
		{title: "pia in project headcount", login: pia, depts: []string{"Engineering", "People"}, project: true},
		{title: "olga, the owner", login: olga, depts: []string{"Support"}, owner: true},
		{title: "agent scout in ana's stead", login: scout, stead: ana, depts: sales},
	}
}

// question is one query with what an asker must get.
type question struct {
	sql string
	// rows is the promised answer; nil says that the statement must be refused as if there were no such table.
	rows func(a *asker, staff []employee) [][]string
	// hashed is the column whose exact text depends on a secret key, -1 for none: it must be 16 hex digits.
	hashed int
}

const missing = "42P01"

func questions() []question {
	return []question{
		{sql: "select count(*) as rows, count(distinct dept) as depts from demo.hr_data", rows: promisedCount, hashed: -1},
		{sql: "select id, last_name, email, ssn, dept, salary from demo.hr_data order by id limit 3", rows: promisedRows, hashed: 3},
		{sql: "select d.site, count(*) as staff from demo.hr_data h join demo.departments d on d.dept = h.dept group by d.site order by d.site", rows: promisedSites, hashed: -1},
		{sql: "select r.scores.quality as quality, count(*) as reviews from demo.reviews r join demo.hr_data h on h.id = r.employee_id group by 1 order by 1", rows: promisedQuality, hashed: -1},
		{sql: "select count(*) as accounts from demo.payroll", rows: promisedPayroll, hashed: -1},
	}
}

// seen are the employees whose rows the asker may see.
func seen(a *asker, staff []employee) []employee {
	var out []employee
	for _, e := range staff {
		if slices.Contains(a.depts, e.dept) {
			out = append(out, e)
		}
	}
	return out
}

func promisedCount(a *asker, staff []employee) [][]string {
	return [][]string{{strconv.Itoa(len(seen(a, staff))), strconv.Itoa(len(a.depts))}}
}

func promisedRows(a *asker, staff []employee) [][]string {
	var out [][]string
	for _, e := range seen(a, staff)[:3] {
		last, email, ssn := e.last, e.email, e.ssn
		if !a.cleared {
			last, email, ssn = null, "***@corp.example", hashed
		}
		salary, err := strconv.ParseFloat(e.salary, 64)
		if err != nil {
			salary = math.NaN()
		}
		out = append(out, []string{strconv.Itoa(e.id), last, email, ssn, e.dept, fmt.Sprintf("%.0f", math.Floor(salary/10000)*10000)})
	}
	return out
}

func promisedSites(a *asker, staff []employee) [][]string {
	if a.project { // departments are outside the project
		return nil
	}
	sites := map[string]int{}
	for _, e := range seen(a, staff) {
		sites[[]string{"Lisbon", "Oslo"}[slices.Index(depts, e.dept)%2]]++
	}
	return counted(sites)
}

func promisedQuality(a *asker, staff []employee) [][]string {
	if a.project {
		return nil
	}
	quality := map[string]int{}
	for _, e := range seen(a, staff) {
		quality[strconv.Itoa(1+e.id%5)]++
	}
	return counted(quality)
}

func promisedPayroll(a *asker, staff []employee) [][]string {
	if !a.owner {
		return nil
	}
	return [][]string{{strconv.Itoa(len(staff))}}
}

func counted(m map[string]int) [][]string {
	var out [][]string
	for k, n := range m {
		out = append(out, []string{k, strconv.Itoa(n)})
	}
	slices.SortFunc(out, func(x, y []string) int { return slices.Compare(x, y) })
	return out
}
