"""psycopg 3: text and binary answers, prepared statements, server-side cursors, COPY."""
import datetime

import psycopg

from suite import DATABASE, HOST, PORT, STAFF, VISIBLE, hidden_as_absent, refused, run, same, same_staff


def connect(asker):
    c = psycopg.connect(host=HOST, port=PORT, dbname=DATABASE, user=asker.login, password=asker.password, options=asker.options, autocommit=True)
    if asker.first:
        c.execute(asker.first)
    return c


def rows_and_masks(asker):
    with connect(asker) as c:
        same_staff(c.execute(STAFF).fetchall(), asker)


def rows_and_masks_in_binary(asker):
    with connect(asker) as c, c.cursor(binary=True) as cur:
        same_staff(cur.execute(STAFF).fetchall(), asker)


def hidden_is_absent(asker):
    with connect(asker) as c:
        hidden_as_absent(c.execute)
        seen = c.execute("select table_name from information_schema.tables where table_schema = 'demo'").fetchall()
        same({name for name, in seen}, VISIBLE)
        same(c.execute("select to_regclass('demo.payroll'), to_regclass('demo.nowhere')").fetchone(), (None, None))


def parameters_and_preparing(asker):
    with connect(asker) as c:
        one = asker.staff[3]
        for _ in range(8):  # prepared on the server from the fifth on
            got = c.execute("select id, dept from demo.hr_data where id = %s and dept = %s", (one[0], one[4]), prepare=None).fetchall()
            same(got, [(one[0], one[4])])
        for binary in (False, True):
            got = c.execute("select count(*) from demo.hr_data where id = any(%s)", (asker.ids[:9],), prepare=True, binary=binary).fetchone()
            same(got, (9,))
        same(c.execute("select count(*) from demo.hr_data where dept = %s or salary > %s", ("nowhere", 1e9)).fetchone(), (0,))


def values_of_many_types(asker):
    values = (True, 7, 2**40, 1.5, "O'Neill é", datetime.date(2026, 2, 3), datetime.datetime(2026, 2, 3, 4, 5, 6, 789), None)
    with connect(asker) as c:
        for binary in (False, True):
            got = c.execute("select %s::bool, %s::int, %s::bigint, %s::float8, %s::text, %s::date, %s::timestamp, %s::text", values, binary=binary)
            same(got.fetchone(), values)


def nested_columns(asker):
    with connect(asker) as c:
        for binary in (False, True):
            got = c.execute("select period, scores, remarks from demo.reviews where employee_id = 7", binary=binary).fetchone()
            same(got, (datetime.date(2026, 2, 1), {"quality": 3, "speed": 2}, ["on time", "helps others", "ask for more"]))


def server_side_cursors(asker):
    with connect(asker) as c, c.transaction(), c.cursor(name="staff") as cur:
        cur.execute(STAFF)
        got = cur.fetchmany(10)
        while more := cur.fetchmany(250):
            got += more
        same_staff(got, asker)


def copy_in_text_and_binary(asker):
    with connect(asker) as c:
        with c.cursor().copy(f"copy ({STAFF}) to stdout") as copy:
            copy.set_types(["int8", "text", "text", "text", "text", "float8"])
            same_staff(list(copy.rows()), asker)
        with c.cursor().copy("copy (select id from demo.hr_data order by id) to stdout (format binary)") as copy:
            copy.set_types(["int8"])
            same([row[0] for row in copy.rows()], asker.ids)
        assert "payroll" in refused("42P01", lambda: list(c.cursor().copy("copy demo.payroll to stdout").__enter__()))


def pipelines(asker):
    with connect(asker) as c:
        with c.pipeline():
            cursors = [c.execute("select count(*) from demo.hr_data where id = %s", (i,)) for i in asker.ids[:20]]
        same([cur.fetchone() for cur in cursors], [(1,)] * 20)


def errors_leave_the_session_usable(asker):
    with connect(asker) as c:
        refused("42703", c.execute, "select nothing from demo.hr_data")
        refused("0A000", c.execute, "delete from demo.hr_data")
        refused("42601", c.execute, "selec 1")
        with c.transaction():
            refused("42501", c.execute, "select read_text('/etc/passwd')")
            refused("25P02", c.execute, "select 1")
        same(c.execute("select count(*) from demo.hr_data").fetchone(), (len(asker.staff),))


def impersonation_begins_and_ends(asker):
    with connect(asker) as c:
        same(c.execute("show immuta.impersonate.user").fetchone()[0], asker.stead)
        refused("42501", c.execute, "set immuta.impersonate.user = 'nobody@example.com'")
        refused("42501", c.execute, "select count(*) from demo.hr_data")
        c.execute("reset immuta.impersonate.user")
        if not asker.stead:
            same(c.execute("select count(*) from demo.hr_data").fetchone(), (len(asker.staff),))
        elif asker.how == "statement":
            refused("42P01", c.execute, "select count(*) from demo.hr_data")  # bi itself is no analyst


run("psycopg 3", rows_and_masks, rows_and_masks_in_binary, hidden_is_absent, parameters_and_preparing, values_of_many_types, nested_columns,
    server_side_cursors, copy_in_text_and_binary, pipelines, errors_leave_the_session_usable, impersonation_begins_and_ends)
