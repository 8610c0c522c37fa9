"""What the Python suites share: who asks, and how a check is run and printed."""
import json
import os
import re
import sys
import traceback

with open(os.environ["STEAD_ASKERS"], encoding="utf-8") as _file:
    WORLD = json.load(_file)

HOST, PORT, DATABASE = WORLD["host"], WORLD["port"], WORLD["database"]
VISIBLE = {"departments", "hr_data", "reviews"}
HIDDEN = "payroll"
COLUMNS = ["id", "first_name", "last_name", "email", "gender", "race", "ssn", "dept", "job", "skills", "salary", "type"]
STAFF = "select id, last_name, email, ssn, dept, salary from demo.hr_data order by id"


class Asker:
    def __init__(self, fields):
        self.title, self.login, self.password = fields["title"], fields["login"], fields["password"]
        self.stead, self.how, self.staff = fields["stead"], fields["how"], fields["staff"]
        self.ids = [row[0] for row in self.staff]

    @property
    def options(self):
        """The start-up options with which this asker connects."""
        return f"-c immuta.impersonate.user={self.stead}" if self.how == "option" else ""

    @property
    def first(self):
        """The statement with which this asker's session begins, or nothing."""
        return f"SET immuta.impersonate.user = '{self.stead}'" if self.how == "statement" else ""


ASKERS = [Asker(fields) for fields in WORLD["askers"]]


def same(got, want):
    assert got == want, f"{str(got)[:300]!r} is not {str(want)[:300]!r}"


def same_staff(got, asker, limit=None):
    """Rows of STAFF: as promised, hashes being 16 hex digits."""
    want = asker.staff[:limit]
    same(len(got), len(want))
    for row, promised in zip(got, want):
        row = list(row)
        if promised[3] == "#":
            assert re.fullmatch("[0-9a-f]{16}", row[3]), f"{row[3]!r} is not 16 hex digits"
            row[3] = "#"
        row[5] = float(row[5])
        same(row, promised)


def refused(state, call, *args):
    """The message of the error with which call must fail; its SQLSTATE must be as given."""
    try:
        got = call(*args)
    except Exception as e:  # every driver has its own
        e = getattr(e, "orig", None) or e
        code = getattr(e, "sqlstate", None) or getattr(e, "pgcode", None)
        same(code, state)
        return str(e)
    raise AssertionError(f"not refused, but {got!r}")


def hidden_as_absent(call):
    """A table that the asker may not know fails exactly as one that does not exist."""
    hidden = refused("42P01", call, "select * from demo.payroll")
    absent = refused("42P01", call, "select * from demo.nowhere")
    same(hidden.replace("payroll", "nowhere"), absent)


def run(client, *checks, askers=ASKERS):
    failed = 0
    for asker in askers:
        for check in checks:
            name = f"{client}: {asker.title}: {check.__name__.replace('_', ' ')}"
            try:
                check(asker)
                print("ok", name, flush=True)
            except Exception as e:  # a failed check must not hide the others
                failed += 1
                at = traceback.extract_tb(e.__traceback__)[-1 if not isinstance(e, AssertionError) else 1]
                print(f"FAILED {name}: {type(e).__name__} at line {at.lineno} of {os.path.basename(at.filename)}: "
                      + " ".join(str(e).split())[:600], flush=True)
    sys.exit(1 if failed else 0)
