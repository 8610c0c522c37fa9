"""psql: the \\d family, variables, cursors, \\copy and what must be refused."""
import csv
import io
import os
import re
import subprocess
import tempfile

from suite import COLUMNS, DATABASE, HIDDEN, HOST, PORT, STAFF, VISIBLE, run, same, same_staff

# Each must answer without an error, whatever it says. What is listed must not hold a hidden name.
LISTINGS = r"""\d \d+ \dt \dt+ \dv \dv+ \di \di+ \ds \dm \dE \dn \dn+ \l \l+ \du \du+ \dg \df \df+ \da \dT \dT+ \dD \dC \do \dO \dp \z
\ddp \dx \dx+ \db \db+ \dy \dL \des \dew \det \deu \dRp \dRs \dF \dFd \dFp \dFt \dA \dAc \dAf \dAo \dAp \dconfig \dc \dd \drds \dP
\dX \dl""".split() + [r"\dt *.*", r"\dt+ demo.*", r"\df *.*", r"\dT *.*", r"\dp demo.*"]


def run_psql(asker, *args, script=None):
    env = {**os.environ, "PGPASSWORD": asker.password, "PGOPTIONS": asker.options, "PGTZ": "UTC", "PAGER": "", "LC_ALL": "C.UTF-8"}
    line = ["psql", "-X", "-h", HOST, "-p", str(PORT), "-U", asker.login, "-d", DATABASE, "-A", "-t", "-q", *args]
    return subprocess.run(line, env=env, input=script, capture_output=True, text=True, timeout=120, check=False)


def psql(asker, *commands, fails=False, args=()):
    """What psql prints for the commands, each given with -c; with fails, its error."""
    line = [arg for c in (asker.first, *commands) if c for arg in ("-c", c)]
    p = run_psql(asker, "-v", "ON_ERROR_STOP=1", *args, *line)
    if fails:
        assert p.returncode != 0, f"{commands} was not refused: {p.stdout[:200]}"
        return p.stderr.strip()
    assert p.returncode == 0 and not p.stderr, f"{commands}: {p.stderr.strip()}"
    return p.stdout.rstrip("\n")


def script(asker, text, *args):
    """What psql prints for a script on its standard input."""
    p = run_psql(asker, *args, script=f"{asker.first};\n{text}\n")
    assert p.returncode == 0 and not p.stderr, f"{p.stderr.strip()}"
    return p.stdout.rstrip("\n")


def lines(text):
    return [line.split("|") for line in text.splitlines()]


def typed(rows):
    return [[int(r[0]), r[1] or None, *r[2:5], r[5]] for r in rows]


def rows_and_masks(asker):
    same_staff(typed(lines(psql(asker, STAFF))), asker)


def hidden_is_absent(asker):
    for statement in ("select * from demo.%s", "table demo.%s", r"\copy demo.%s to '/dev/null'", "select 1 from demo.hr_data, demo.%s"):
        hidden, absent = (psql(asker, statement % t, fails=True) for t in (HIDDEN, "nowhere"))
        assert "does not exist" in absent, absent
        same(re.sub(HIDDEN, "nowhere", hidden), re.sub(" +\\^", " ^", absent))


def d_lists_what_is_seen(asker):
    for command in (r"\d", r"\dt", r"\dt+", r"\d+", r"\dt demo.*", r"\dt *.*"):
        same({r[1] for r in lines(psql(asker, command)) if r[0] == "demo"}, VISIBLE)
    same(psql(asker, r"\dt payroll", r"\dt demo.pay*"), "")


def d_of_a_table(asker):
    columns = {r[0]: r[1] for r in lines(psql(asker, r"\d demo.hr_data"))}
    same([c for c in columns if c in COLUMNS], COLUMNS)
    same((columns["id"], columns["ssn"]), ("bigint", "text"))
    described = psql(asker, r"\d+ demo.reviews")
    for part in ("employee_id|bigint", "period|date", "remarks|text[]"):
        assert part in described, described
    hidden, absent = (psql(asker, rf"\d demo.{t}", fails=True) for t in (HIDDEN, "nowhere"))
    same(hidden.replace(HIDDEN, "nowhere"), absent)


def every_listing_answers(asker):
    said = script(asker, "\n".join(f"\\echo == {i}\n{command}" for i, command in enumerate(LISTINGS)))
    parts = re.split(r"^== \d+$", said, flags=re.MULTILINE)[1:]
    same(len(parts), len(LISTINGS))
    same([command for command, part in zip(LISTINGS, parts) if HIDDEN in part], [])
    tables = dict(zip(LISTINGS, parts))
    assert "hr_data" in tables[r"\dt *.*"] and "hr_data" in tables[r"\dp"]


def databases_schemas_roles(asker):
    assert DATABASE in {r[0] for r in lines(psql(asker, r"\l"))}
    assert "demo" in {r[0] for r in lines(psql(asker, r"\dn"))}
    assert psql(asker, r"\du") is not None
    said = psql(asker, r"\conninfo")
    assert f'database "{DATABASE}"' in said and asker.login in said, said


def several_commands(asker):
    same(psql(asker, "select 1; select 2", "select 3").split(), ["1", "2", "3"])


def variables(asker):
    one = asker.staff[7]
    got = script(asker, rf"""\set id {one[0]}
        select id, dept from demo.hr_data where id = :id and dept = :'dept';
        select count(*) as n from demo.hr_data \gset
        \echo :n""", "-v", f"dept={one[4]}")
    same(got.split("\n"), [f"{one[0]}|{one[4]}", str(len(asker.staff))])


def gdesc(asker):
    same(script(asker, r"select id, dept, salary from demo.hr_data where id = 1 \gdesc"), "id|bigint\ndept|text\nsalary|double precision")


def cursors(asker):
    same_staff(typed(lines(psql(asker, STAFF, args=("-v", "FETCH_COUNT=97")))), asker)
    got = script(asker, f"begin; declare c cursor for {STAFF}; fetch 5 from c; fetch forward 2 from c; close c; commit;")
    same_staff(typed(lines(got)), asker, 7)


def copy_to(asker):
    with tempfile.TemporaryDirectory() as folder:
        psql(asker, rf"\copy ({STAFF}) to '{folder}/out.csv' with (format csv, header true)")
        with open(f"{folder}/out.csv", encoding="utf-8") as file:
            head, *rows = list(csv.reader(file))
        same(head, ["id", "last_name", "email", "ssn", "dept", "salary"])
        same_staff(typed(rows), asker)
        psql(asker, rf"\copy demo.hr_data (id) to '{folder}/ids'")
        with open(f"{folder}/ids", encoding="utf-8") as file:
            same(sorted(int(i) for i in file.read().split()), asker.ids)


def script_in_a_transaction(asker):
    same(script(asker, "begin;\nselect count(*) from demo.hr_data;\ncommit;"), str(len(asker.staff)))


def csv_output(asker):
    rows = list(csv.reader(io.StringIO(psql(asker, "select id, dept from demo.hr_data order by id limit 3", args=("--csv",)))))
    same(rows, [[str(r[0]), r[4]] for r in asker.staff[:3]])


def writing_is_refused(asker):
    for statement in ("insert into demo.hr_data (id) values (1)", "delete from demo.hr_data", "drop table demo.hr_data",
                      "create table demo.mine (id int)", r"\copy demo.hr_data from '/dev/null'"):
        assert "ERROR" in psql(asker, statement, fails=True)


def impersonation_needs_a_right(asker):
    if asker.stead:
        same(psql(asker, "SHOW immuta.impersonate.user"), asker.stead)
        return
    other = "bo@example.com" if asker.login.startswith("ana") else "ana@example.com"
    said = psql(asker, r"\set ON_ERROR_STOP off", f"SET immuta.impersonate.user = '{other}'", "select count(*) from demo.hr_data", fails=True)
    assert "ERROR" in said, said


run("psql", rows_and_masks, hidden_is_absent, d_lists_what_is_seen, d_of_a_table, every_listing_answers, databases_schemas_roles,
    several_commands, variables, gdesc, cursors, copy_to, script_in_a_transaction, csv_output, writing_is_refused,
    impersonation_needs_a_right)
