CREATE TABLE IF NOT EXISTS immuta_system.meta (
  connection text NOT NULL, instance text NOT NULL, version int NOT NULL, script text NOT NULL, revision bigint NOT NULL DEFAULT 0, state text NOT NULL DEFAULT '')
--
ALTER TABLE immuta_system.meta ADD COLUMN IF NOT EXISTS stands text NOT NULL DEFAULT ''
--
CREATE UNIQUE INDEX IF NOT EXISTS meta_one ON immuta_system.meta ((true))
--
DO $do$
BEGIN
  IF EXISTS (SELECT FROM immuta_system.meta WHERE version > {{version}}) THEN
    RAISE EXCEPTION 'the objects here are of a newer stead' USING ERRCODE = '55000', HINT = 'upgrade stead';
  END IF;
END $do$
--
CREATE TABLE IF NOT EXISTS immuta_system.identity (
  id bigint PRIMARY KEY, iam text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
  serves boolean NOT NULL, impersonable boolean NOT NULL, limited boolean NOT NULL, key text COLLATE "C" NOT NULL)
--
CREATE INDEX IF NOT EXISTS identity_name ON immuta_system.identity (name, iam)
--
CREATE TABLE IF NOT EXISTS immuta_system.login (
  role text COLLATE "C" PRIMARY KEY, identity bigint, own boolean NOT NULL, pinned boolean NOT NULL, exempt boolean NOT NULL)
--
CREATE TABLE IF NOT EXISTS immuta_system.stand_in (
  actor bigint, subject text COLLATE "C", PRIMARY KEY (actor, subject))
--
CREATE TABLE IF NOT EXISTS immuta_system.value (
  identity bigint NOT NULL, kind text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value text COLLATE "C" NOT NULL)
--
CREATE INDEX IF NOT EXISTS value_identity ON immuta_system.value (identity, kind)
--
CREATE TABLE IF NOT EXISTS immuta_system.fact (
  condition text COLLATE "C", identity bigint, PRIMARY KEY (identity, condition))
--
CREATE TABLE IF NOT EXISTS immuta_system.member (
  audience text COLLATE "C", identity bigint, access "char" NOT NULL, PRIMARY KEY (identity, audience, access))
--
CREATE TABLE IF NOT EXISTS immuta_system.scope (
  identity bigint, source bigint, PRIMARY KEY (identity, source))
--
CREATE TABLE IF NOT EXISTS immuta_system.source (
  source bigint PRIMARY KEY, audience text COLLATE "C" NOT NULL, serves boolean NOT NULL)
--
CREATE TABLE IF NOT EXISTS immuta_system.slot (
  source bigint, slot int, kind text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
  given boolean NOT NULL, placeholder text COLLATE "C" NOT NULL, PRIMARY KEY (source, slot))
--
CREATE TABLE IF NOT EXISTS immuta_system.switch (name text COLLATE "C" PRIMARY KEY)
--
CREATE TABLE IF NOT EXISTS immuta_system.governed (
  source bigint PRIMARY KEY, schema text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, relation oid NOT NULL,
  layout text COLLATE "C" NOT NULL, rows_policy oid, rows_xmin text, force boolean NOT NULL DEFAULT true,
  fingerprint text NOT NULL DEFAULT '', detail jsonb NOT NULL DEFAULT '{}', applied timestamptz NOT NULL DEFAULT now())
--
CREATE INDEX IF NOT EXISTS governed_relation ON immuta_system.governed (relation)
--
CREATE INDEX IF NOT EXISTS governed_name ON immuta_system.governed (schema, name)
--
CREATE TABLE IF NOT EXISTS immuta_system.released (
  kind text COLLATE "C", object text COLLATE "C", source bigint, detail jsonb NOT NULL DEFAULT '{}', at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (kind, object))
--
CREATE TABLE IF NOT EXISTS immuta_system.hash_key (id text COLLATE "C" PRIMARY KEY, key text COLLATE "C" NOT NULL)
--
CREATE TABLE IF NOT EXISTS immuta_system.pooler (address inet PRIMARY KEY)
--
CREATE TABLE IF NOT EXISTS immuta_system.membership (role text COLLATE "C" PRIMARY KEY)
--
CREATE UNLOGGED TABLE IF NOT EXISTS immuta_system.binding (
  pid int PRIMARY KEY, backend_start timestamptz NOT NULL, login text COLLATE "C" NOT NULL, subject bigint, own boolean NOT NULL, nonce text COLLATE "C" NOT NULL)
  WITH (fillfactor = 50)
--
CREATE TABLE IF NOT EXISTS immuta_system.impersonation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, pid int NOT NULL, backend_start timestamptz NOT NULL,
  login text COLLATE "C" NOT NULL, subject bigint, asked text NOT NULL, accepted boolean NOT NULL, ended boolean NOT NULL)
--
CREATE INDEX IF NOT EXISTS impersonation_backend ON immuta_system.impersonation (pid, backend_start)
--
CREATE TABLE IF NOT EXISTS immuta_system.collected (position text NOT NULL DEFAULT '', since timestamptz NOT NULL DEFAULT now())
--
CREATE UNIQUE INDEX IF NOT EXISTS collected_one ON immuta_system.collected ((true))
--
INSERT INTO immuta_system.collected DEFAULT VALUES ON CONFLICT DO NOTHING
--
DO $do$
DECLARE v_table text;
BEGIN
  FOR v_table IN SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'immuta_system' AND c.relkind = 'r' LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON immuta_system.%I FROM PUBLIC', v_table);
    EXECUTE pg_catalog.format('COMMENT ON TABLE immuta_system.%I IS %L', v_table, 'stead: ' || v_table);
  END LOOP;
END $do$
--
INSERT INTO immuta_system.hash_key (id, key)
SELECT 'token', pg_catalog.replace(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', '')
ON CONFLICT (id) DO NOTHING
