"""asyncpg: fetch, prepared statements, cursors, copy, arrays, pools. Everything it does is binary."""
import asyncio
import datetime
import io

import asyncpg

from suite import DATABASE, HOST, PORT, STAFF, VISIBLE, run, same, same_staff


async def connect(asker):
    settings = {"options": asker.options} if asker.options else None
    c = await asyncpg.connect(host=HOST, port=PORT, database=DATABASE, user=asker.login, password=asker.password, server_settings=settings, ssl=False)
    if asker.first:
        await c.execute(asker.first)
    return c


async def refused(state, awaitable):
    try:
        got = await awaitable
    except asyncpg.PostgresError as e:
        same(e.sqlstate, state)
        return str(e)
    raise AssertionError(f"not refused, but {got!r}")


def check(body):
    def with_connection(asker):
        async def one():
            c = await connect(asker)
            try:
                await asyncio.wait_for(body(asker, c), 60)
            finally:
                await c.close()
        asyncio.run(one())
    with_connection.__name__ = body.__name__
    return with_connection


@check
async def rows_and_masks(asker, c):
    same_staff([tuple(r) for r in await c.fetch(STAFF)], asker)


@check
async def hidden_is_absent(asker, c):
    hidden, absent = [await refused("42P01", c.fetch(f"select * from demo.{t}")) for t in ("payroll", "nowhere")]
    same(hidden.replace("payroll", "nowhere"), absent)
    seen = await c.fetch("select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1", "demo")
    same({r["relname"] for r in seen}, VISIBLE)


@check
async def prepared_with_parameters(asker, c):
    prepared = await c.prepare("select id, dept from demo.hr_data where id = $1 and dept = $2")
    same([p.name for p in prepared.get_parameters()], ["int8", "text"])
    for row in asker.staff[:20]:
        same([tuple(r) for r in await prepared.fetch(row[0], row[4])], [(row[0], row[4])])
    same(await c.fetchval("select count(*) from demo.hr_data where salary >= $1", 0.0), len(asker.staff))


@check
async def arrays(asker, c):
    same(await c.fetchval("select count(*) from demo.hr_data where id = any($1::bigint[])", asker.ids[:9]), 9)
    same(await c.fetchval("select count(*) from demo.hr_data where dept = any($1::text[])", ["Sales", "nowhere"]),
         sum(row[4] == "Sales" for row in asker.staff))
    same(tuple(await c.fetchrow("select period, remarks from demo.reviews where employee_id = 7")),
         (datetime.date(2026, 2, 1), ["on time", "helps others", "ask for more"]))


@check
async def cursors(asker, c):
    async with c.transaction():
        same_staff([tuple(r) async for r in c.cursor(STAFF, prefetch=50)], asker)
        cursor = await c.cursor(STAFF)
        same_staff([tuple(r) for r in await cursor.fetch(7)], asker, 7)
        same((await cursor.fetchrow())["id"], asker.ids[7])


@check
async def copy(asker, c):
    out = io.BytesIO()
    same(await c.copy_from_query("select id from demo.hr_data order by id", output=out, format="csv"), f"COPY {len(asker.staff)}")
    same([int(i) for i in out.getvalue().split()], asker.ids)
    await refused("42P01", c.copy_from_table("payroll", schema_name="demo", output=io.BytesIO()))


@check
async def a_session_that_was_reset(asker, c):
    await refused("42703", c.fetch("select nothing from demo.hr_data"))
    await refused("0A000", c.execute("truncate demo.hr_data"))
    await c.reset()
    if not asker.stead:
        same(await c.fetchval("select count(*) from demo.hr_data"), len(asker.staff))
    elif asker.how == "option":  # what was asked for when connecting is what a reset goes back to
        same(await c.fetchval("select count(*) from demo.hr_data"), len(asker.staff))
    else:  # bi itself is no analyst
        await refused("42P01", c.fetchval("select count(*) from demo.hr_data"))


def pools(asker):
    async def ask(pool, i):
        async with pool.acquire() as c:
            return await c.fetchval("select count(*) from demo.hr_data where id = $1", i)

    async def all_at_once():
        settings = {"options": asker.options} if asker.options else None
        setup = (lambda c: c.execute(asker.first)) if asker.first else None
        async with asyncpg.create_pool(host=HOST, port=PORT, database=DATABASE, user=asker.login, password=asker.password, ssl=False,
                                       server_settings=settings, setup=setup, min_size=2, max_size=4) as pool:
            same(await asyncio.gather(*(ask(pool, i) for i in asker.ids[:40])), [1] * 40)
    asyncio.run(all_at_once())


run("asyncpg", rows_and_masks, hidden_is_absent, prepared_with_parameters, arrays, cursors, copy, a_session_that_was_reset, pools)
