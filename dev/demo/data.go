package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
)

// employee is one row of demo.hr_data, with the columns of the audit example in docs/audit.md.
type employee struct {
	id                                   int
	first, last, email, gender, race     string
	ssn, dept, job, skills, salary, kind string
}

// review is one row of demo.reviews; scores and remarks are nested.
type review struct {
	EmployeeID int            `json:"employee_id"`
	Period     string         `json:"period"`
	Scores     map[string]int `json:"scores"`
	Remarks    []string       `json:"remarks"`
}

const employees = 3000

var (
	firstNames = []string{"Ada", "Bela", "Chloé", "Dmitri", "Esra", "Farid", "Grace", "Hiro", "Inés", "Jürgen", "Kofi", "Lena"}
	lastNames  = []string{"Adler", "Brandt", "Costa", "Duarte", "Eriksson", "Fischer", "Grau", "Haddad", "Ito", "Jansen", "Kowalski", "O'Neill"}
	depts      = []string{"Sales", "Engineering", "Finance", "People", "Support"}
	jobs       = []string{"analyst", "manager", "specialist", "lead"}
	skills     = []string{"sql", "go", "negotiation", "budgeting", "coaching"}
	races      = []string{"A", "B", "C", "D"}
	remarks    = []string{"on time", "helps others", "ask for more"}
)

// makeEmployees is the same on every machine: nothing in it is random but the seed.
func makeEmployees() []employee {
	r := rand.New(rand.NewSource(7))
	pick := func(list []string) string { return list[r.Intn(len(list))] }
	out := make([]employee, employees)
	for i := range out {
		id := i + 1
		first, last := pick(firstNames), pick(lastNames)
		out[i] = employee{
			id: id, first: first, last: last, email: fmt.Sprintf("e%04d@corp.example", id),
			gender: pick([]string{"f", "m", "x"}), race: pick(races),
			ssn:  fmt.Sprintf("%03d-%02d-%04d", 100+r.Intn(800), 10+r.Intn(89), id),
			dept: pick(depts), job: pick(jobs), skills: pick(skills) + ";" + pick(skills),
			salary: strconv.Itoa(38000+r.Intn(90000)) + ".50", kind: pick([]string{"full", "part"}),
		}
	}
	return out
}

// writeData writes the sample below dir: demo/hr_data.csv, demo/departments.csv, demo/reviews.json
// and demo/payroll.csv, which nobody is given.
func writeData(dir string, staff []employee) error {
	dir = filepath.Join(dir, "demo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	rows := [][]string{{"id", "first_name", "last_name", "email", "gender", "race", "ssn", "dept", "job", "skills", "salary", "type"}}
	payroll := [][]string{{"employee_id", "iban"}}
	for _, e := range staff {
		id := strconv.Itoa(e.id)
		rows = append(rows, []string{id, e.first, e.last, e.email, e.gender, e.race, e.ssn, e.dept, e.job, e.skills, e.salary, e.kind})
		payroll = append(payroll, []string{id, fmt.Sprintf("XX%018d", e.id)})
	}
	heads := [][]string{{"dept", "site", "budget"}}
	for i, d := range depts {
		heads = append(heads, []string{d, []string{"Lisbon", "Oslo"}[i%2], strconv.Itoa(1000000 * (i + 1))})
	}
	for name, table := range map[string][][]string{"hr_data.csv": rows, "departments.csv": heads, "payroll.csv": payroll} {
		if err := writeCSV(filepath.Join(dir, name), table); err != nil {
			return err
		}
	}
	return writeReviews(filepath.Join(dir, "reviews.json"), staff)
}

func writeCSV(path string, rows [][]string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	if err := w.WriteAll(rows); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func writeReviews(path string, staff []employee) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, e := range staff {
		r := review{EmployeeID: e.id, Period: fmt.Sprintf("2026-0%d-01", 1+e.id%6),
			Scores:  map[string]int{"quality": 1 + e.id%5, "speed": 1 + e.id%3},
			Remarks: remarks[:e.id%(len(remarks)+1)]}
		if err := enc.Encode(r); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := w.Flush(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
