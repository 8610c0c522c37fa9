"""SQLAlchemy 2 with psycopg2 and with psycopg 3, and pandas upon it: reflection, queries, data frames, streams."""
import io

import pandas
import sqlalchemy as sa

from suite import COLUMNS, DATABASE, HOST, PORT, STAFF, VISIBLE, hidden_as_absent, refused, run, same, same_staff


def checks_with(driver):
    def engine(asker):
        e = sa.create_engine(sa.URL.create(f"postgresql+{driver}", asker.login, asker.password, HOST, PORT, DATABASE),
                             connect_args={"options": asker.options} if asker.options else {})
        if asker.first:
            @sa.event.listens_for(e, "connect")
            def begin(connection, _record):
                connection.autocommit = True  # in whose stead cannot change within a transaction
                with connection.cursor() as cursor:
                    cursor.execute(asker.first)
                connection.autocommit = False
        return e

    def table(e, name):
        return sa.Table(name, sa.MetaData(), schema="demo", autoload_with=e)

    def rows_and_masks(asker):
        with engine(asker).connect() as c:
            same_staff(c.execute(sa.text(STAFF)).all(), asker)

    def hidden_is_absent(asker):
        e = engine(asker)
        with e.connect() as c:
            def ask(sql):
                with c.begin():
                    c.execute(sa.text(sql))
            hidden_as_absent(ask)
        for name in ("payroll", "nowhere"):
            try:
                table(e, name)
                raise AssertionError(f"demo.{name} was reflected")
            except sa.exc.NoSuchTableError:
                pass
        same(sa.inspect(e).has_table("payroll", schema="demo"), False)

    def reflection(asker):
        i = sa.inspect(engine(asker))
        assert "demo" in i.get_schema_names()
        same(set(i.get_table_names(schema="demo")), VISIBLE)
        same(i.get_view_names(schema="demo"), [])
        same([c["name"] for c in i.get_columns("hr_data", schema="demo")], COLUMNS)
        types = {c["name"]: str(c["type"]) for c in i.get_columns("hr_data", schema="demo")}
        same((types["id"], types["ssn"], types["salary"]), ("BIGINT", "TEXT", "DOUBLE PRECISION"))
        for get in (i.get_foreign_keys, i.get_indexes, i.get_unique_constraints, i.get_check_constraints):
            same(get("hr_data", schema="demo"), [])
        same(i.get_pk_constraint("hr_data", schema="demo")["constrained_columns"], [])
        same(i.get_table_comment("hr_data", schema="demo"), {"text": None})

    def reflection_of_everything(asker):
        metadata = sa.MetaData()
        metadata.reflect(engine(asker), schema="demo", views=True)
        same({t.name for t in metadata.sorted_tables}, VISIBLE)
        reviews = metadata.tables["demo.reviews"].c
        same([str(reviews[c].type) for c in ("employee_id", "period", "remarks")], ["BIGINT", "DATE", "ARRAY"])
        assert isinstance(reviews.remarks.type, sa.ARRAY)

    def statements_built_from_a_reflected_table(asker):
        e = engine(asker)
        hr, heads = table(e, "hr_data"), table(e, "departments")
        site = "Lisbon"
        statement = (sa.select(heads.c.site, sa.func.count().label("n")).join_from(hr, heads, heads.c.dept == hr.c.dept)
                     .where(heads.c.site == site, hr.c.id.in_(asker.ids)).group_by(heads.c.site).order_by(sa.desc("n")))
        with e.connect() as c:
            same([tuple(r) for r in c.execute(statement)], [(site, len(asker.staff))])
            page = c.execute(sa.select(hr.c.id).order_by(hr.c.id).limit(5).offset(3)).scalars().all()
            same(page, asker.ids[3:8])

    def data_frames(asker):
        e = engine(asker)
        frame = pandas.read_sql(STAFF, e)
        same_staff(frame.astype(object).where(frame.notna(), None).values.tolist(), asker)
        same(sorted(pandas.read_sql_table("hr_data", e, schema="demo", columns=["id"])["id"].tolist()), asker.ids)
        got = pandas.read_sql(sa.text("select dept, count(*) as n from demo.hr_data where id > :low group by dept order by dept"), e, params={"low": 0})
        depts = sorted({row[4] for row in asker.staff})
        same(got.values.tolist(), [[d, sum(row[4] == d for row in asker.staff)] for d in depts])

    def streams(asker):
        with engine(asker).connect() as c:
            rows = c.execution_options(stream_results=True, max_row_buffer=100).execute(sa.text(STAFF))
            same_staff(rows.all(), asker)

    def copy_of_the_driver(asker):
        with engine(asker).connect() as c, c.connection.cursor() as cursor:
            if driver == "psycopg":
                with cursor.copy("copy (select id from demo.hr_data order by id) to stdout") as copy:
                    text = b"".join(copy).decode()
            else:
                out = io.StringIO()
                cursor.copy_expert("copy (select id from demo.hr_data order by id) to stdout", out)
                text = out.getvalue()
            same([int(line) for line in text.split()], asker.ids)

    def nobodys_rights_change_in_a_transaction(asker):
        e = engine(asker)
        for _ in range(3):  # the same pooled connection
            with e.connect() as c:
                same(c.execute(sa.text("show immuta.impersonate.user")).scalar(), asker.stead)
                same(c.execute(sa.text("select count(*) from demo.hr_data")).scalar(), len(asker.staff))
                refused("25001", lambda: c.execute(sa.text("set immuta.impersonate.user = 'ana@example.com'")))

    checks = [rows_and_masks, hidden_is_absent, reflection, reflection_of_everything, statements_built_from_a_reflected_table,
              data_frames, streams, copy_of_the_driver, nobodys_rights_change_in_a_transaction]
    for check in checks:
        check.__name__ += f" ({driver})"
    return checks


run("SQLAlchemy", *checks_with("psycopg2"), *checks_with("psycopg"))
