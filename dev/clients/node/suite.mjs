// node-postgres: parameters, arrays, named statements, cursors, several statements, pools.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import Cursor from 'pg-cursor';

const world = JSON.parse(readFileSync(process.env.STEAD_ASKERS, 'utf8'));
const visible = ['departments', 'hr_data', 'reviews'];
const staff = 'select id, last_name, email, ssn, dept, salary from demo.hr_data order by id';

const settings = (asker) => ({
  host: world.host, port: world.port, database: world.database, user: asker.login, password: asker.password, ssl: false,
  options: asker.how === 'option' ? `-c immuta.impersonate.user=${asker.stead}` : undefined,
});

async function begin(asker, client) {
  if (asker.how === 'statement') await client.query(`SET immuta.impersonate.user = '${asker.stead}'`);
}

async function connected(asker, body) {
  const client = new pg.Client(settings(asker));
  await client.connect();
  try {
    await begin(asker, client);
    await body(client);
  } finally {
    await client.end();
  }
}

// sameStaff: rows of the statement staff as promised, hashes being 16 hex digits.
function sameStaff(rows, asker, limit) {
  const got = rows.map((r) => {
    const row = [Number(r.id), r.last_name, r.email, r.ssn, r.dept, Number(r.salary)];
    if (/^[0-9a-f]{16}$/.test(row[3])) row[3] = '#';
    return row;
  });
  assert.deepEqual(got, asker.staff.slice(0, limit));
}

async function refused(state, promise) {
  let got;
  try {
    got = await promise;
  } catch (e) {
    assert.equal(e.code, state, e.message);
    return e.message;
  }
  return assert.fail(`not refused, but ${JSON.stringify(got.rows)}`);
}

const checks = {
  'rows and masks': (asker) => connected(asker, async (c) => {
    sameStaff((await c.query(staff)).rows, asker);
  }),
  'rows and masks in binary': (asker) => connected(asker, async (c) => {
    sameStaff((await c.query({ text: staff, binary: true })).rows, asker);
  }),
  'hidden is absent': (asker) => connected(asker, async (c) => {
    const hidden = await refused('42P01', c.query('select * from demo.payroll'));
    const absent = await refused('42P01', c.query('select * from demo.nowhere'));
    assert.equal(hidden.replace('payroll', 'nowhere'), absent);
    await refused('42P01', c.query('select * from demo.payroll where employee_id = $1', [1]));
    const seen = await c.query('select table_name from information_schema.tables where table_schema = $1 order by 1', ['demo']);
    assert.deepEqual(seen.rows.map((r) => r.table_name), visible);
  }),
  parameters: (asker) => connected(asker, async (c) => {
    const one = asker.staff[5];
    const got = await c.query('select id, dept from demo.hr_data where id = $1 and dept = $2 and salary >= $3', [one[0], one[4], 0.5]);
    assert.deepEqual(got.rows, [{ id: String(one[0]), dept: one[4] }]);
    const typed = await c.query('select $1::text as a, $2::int as b, $3::bool as c, $4::date as d, $5::text as e', ["O'Neill é", 7, true, '2026-02-03', null]);
    assert.deepEqual({ ...typed.rows[0], d: typed.rows[0].d.getDate() }, { a: "O'Neill é", b: 7, c: true, d: 3, e: null });
  }),
  'any of an array': (asker) => connected(asker, async (c) => {
    const ids = asker.staff.slice(0, 9).map((r) => r[0]);
    for (const text of ['id = any($1)', 'id = any($1::bigint[])']) {
      assert.equal((await c.query(`select count(*) as n from demo.hr_data where ${text}`, [ids])).rows[0].n, '9', text);
    }
    const sales = asker.staff.filter((r) => r[4] === 'Sales').length;
    assert.equal((await c.query('select count(*) as n from demo.hr_data where dept = any($1)', [['Sales', 'a "b", c']])).rows[0].n, String(sales));
  }),
  'named statements': (asker) => connected(asker, async (c) => {
    for (const [id, , , , dept] of asker.staff.slice(0, 20)) {
      const got = await c.query({ name: 'one', text: 'select dept from demo.hr_data where id = $1', values: [id] });
      assert.deepEqual(got.rows, [{ dept }]);
    }
  }),
  'nested columns': (asker) => connected(asker, async (c) => {
    const got = await c.query('select scores, remarks from demo.reviews where employee_id = 7');
    assert.deepEqual(got.rows, [{ scores: { quality: 3, speed: 2 }, remarks: ['on time', 'helps others', 'ask for more'] }]);
  }),
  cursors: (asker) => connected(asker, async (c) => {
    const cursor = c.query(new Cursor(staff));
    const rows = [];
    for (let more = await cursor.read(50); more.length > 0; more = await cursor.read(50)) rows.push(...more);
    await cursor.close();
    sameStaff(rows, asker);
    const early = c.query(new Cursor('select id from demo.hr_data where id > $1 order by id', [0]));
    assert.equal(Number((await early.read(1))[0].id), asker.staff[0][0]);
    await early.close();
    assert.equal((await c.query('select 1 as one')).rows[0].one, 1);
  }),
  'several statements at once': (asker) => connected(asker, async (c) => {
    const got = await c.query('select 1 as a; select count(*) as n from demo.hr_data; select 3 as c');
    assert.deepEqual(got.map((r) => Object.values(r.rows[0]).map(Number)), [[1], [asker.staff.length], [3]]);
  }),
  'errors leave the session usable': (asker) => connected(asker, async (c) => {
    await refused('0A000', c.query('update demo.hr_data set dept = $1', ['x']));
    await refused('42703', c.query('select nothing from demo.hr_data'));
    await c.query('begin');
    await refused('42P01', c.query('select * from demo.nowhere'));
    await refused('25P02', c.query('select 1'));
    await c.query('rollback');
    assert.equal((await c.query('select count(*) as n from demo.hr_data')).rows[0].n, String(asker.staff.length));
  }),
  'a pool': async (asker) => {
    const pool = new pg.Pool({ ...settings(asker), max: 4 });
    try {
      const ask = async ([id]) => {
        const c = await pool.connect();
        try {
          await begin(asker, c);
          return Number((await c.query('select id from demo.hr_data where id = $1', [id])).rows[0].id);
        } finally {
          c.release();
        }
      };
      const want = asker.staff.slice(0, 40);
      assert.deepEqual(await Promise.all(want.map(ask)), want.map((r) => r[0]));
    } finally {
      await pool.end();
    }
  },
};

let failed = 0;
for (const asker of world.askers) {
  for (const [title, check] of Object.entries(checks)) {
    const name = `node-postgres: ${asker.title}: ${title}`;
    try {
      await check(asker);
      console.log('ok', name);
    } catch (e) {
      failed++;
      console.log('FAILED', `${name}: ${String(e.message).replace(/\s+/g, ' ').slice(0, 400)}`);
    }
  }
}
process.exitCode = failed ? 1 : 0;
