CREATE OR REPLACE FUNCTION immuta_system.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- Closes again, within the command, a governed table whose row security was taken away, one that was made anew under its name, and new
-- partitions and children. Who gives a table back deletes its row of governed first.
DECLARE
  v_table record;
BEGIN
  FOR v_table IN
    WITH RECURSIVE touched AS (
      SELECT d.objid AS relation FROM pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_catalog.pg_class'::regclass
      UNION SELECT h.inhrelid FROM touched t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.relation), -- who attaches a partition alters its parent
    above(relation, ancestor) AS (
      SELECT t.relation, t.relation FROM touched t
      UNION SELECT a.relation, h.inhparent FROM above a JOIN pg_catalog.pg_inherits h ON h.inhrelid = a.ancestor)
    SELECT DISTINCT ON (c.oid) c.oid::regclass AS name, c.oid = g.relation AS known, g.source, g.force, c.relrowsecurity, c.relforcerowsecurity
    FROM above a JOIN pg_catalog.pg_class c ON c.oid = a.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN immuta_system.governed g ON g.relation = a.ancestor OR (g.schema = n.nspname AND g.name = c.relname)
    WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND (c.relforcerowsecurity OR NOT g.force))
    ORDER BY c.oid, (c.oid = g.relation) DESC, g.source
  LOOP
    -- In one command: it comes here too, and must find the table closed.
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY%s', v_table.name, CASE WHEN v_table.force THEN ', FORCE ROW LEVEL SECURITY' END);
    IF NOT v_table.known AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = v_table.name) THEN
      EXECUTE format('CREATE POLICY stead_%s_closed ON %s USING ((SELECT immuta_policies.exempt())) WITH CHECK ((SELECT immuta_policies.exempt()))', v_table.source, v_table.name);
      EXECUTE format('COMMENT ON POLICY stead_%s_closed ON %s IS %L', v_table.source, v_table.name, 'stead: closed until its policies are applied');
    END IF;
    PERFORM pg_notify('stead_drift', v_table.name::text);
  END LOOP;
END $body$
--
REVOKE ALL ON FUNCTION immuta_system.on_ddl() FROM PUBLIC
--
COMMENT ON FUNCTION immuta_system.on_ddl() IS 'stead: version {{version}}'
--
CREATE OR REPLACE FUNCTION immuta_system.on_policy() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- A masking view applies the policies of its table in the name of immuta_owner: what they read beside the table they would read raw.
BEGIN
  IF EXISTS (
    SELECT FROM pg_event_trigger_ddl_commands() c
    JOIN pg_catalog.pg_policy p ON c.classid = 'pg_catalog.pg_policy'::regclass AND p.oid = c.objid
    JOIN immuta_system.governed g ON g.relation = p.polrelid
    JOIN pg_catalog.pg_depend d ON d.classid = c.classid AND d.objid = c.objid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> p.polrelid) THEN
    RAISE EXCEPTION 'a policy of a governed table may not read other tables' USING ERRCODE = '42501',
      HINT = 'stead''s policies can say it, or a function that the policy calls can read them';
  END IF;
END $body$
--
REVOKE ALL ON FUNCTION immuta_system.on_policy() FROM PUBLIC
--
COMMENT ON FUNCTION immuta_system.on_policy() IS 'stead: version {{version}}'
--
CREATE OR REPLACE FUNCTION immuta_system.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- Tells that something governed, or of ours, was dropped.
DECLARE
  v_object record;
BEGIN
  FOR v_object IN
    -- Each in a way that an index answers: a plan drops and makes thousands of policies.
    SELECT DISTINCT d.object_identity AS name FROM pg_event_trigger_dropped_objects() d
    WHERE d.object_type IN ('policy', 'table', 'view') AND NOT d.is_temporary
      AND (EXISTS (SELECT FROM immuta_system.governed g WHERE g.relation = d.objid)
           OR EXISTS (SELECT FROM immuta_system.governed g WHERE g.schema = d.address_names[1] AND g.name = d.address_names[2])
           OR (d.address_names[1] LIKE '%\_gov' AND EXISTS (SELECT FROM immuta_system.governed g WHERE g.schema = left(d.address_names[1], -4))))
  LOOP
    PERFORM pg_notify('stead_drift', v_object.name);
  END LOOP;
END $body$
--
REVOKE ALL ON FUNCTION immuta_system.on_drop() FROM PUBLIC
--
COMMENT ON FUNCTION immuta_system.on_drop() IS 'stead: version {{version}}'
--
DO $do$
DECLARE v_name text;
BEGIN
  -- Only for what makes, alters or renames tables (any relation is renamed by ALTER INDEX): policies, grants and comments are many.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'stead_ddl' AND evttags IS NOT NULL) THEN
    DROP EVENT TRIGGER IF EXISTS stead_ddl;
    CREATE EVENT TRIGGER stead_ddl ON ddl_command_end
      WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA', 'ALTER INDEX', 'ALTER VIEW', 'ALTER SEQUENCE',
                   'ALTER MATERIALIZED VIEW', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'CREATE EXTENSION', 'ALTER EXTENSION')
      EXECUTE FUNCTION immuta_system.on_ddl();
    COMMENT ON EVENT TRIGGER stead_ddl IS 'stead: closes governed tables again';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'stead_policy') THEN
    CREATE EVENT TRIGGER stead_policy ON ddl_command_end WHEN TAG IN ('CREATE POLICY', 'ALTER POLICY') EXECUTE FUNCTION immuta_system.on_policy();
    COMMENT ON EVENT TRIGGER stead_policy IS 'stead: keeps policies of governed tables from reading others';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'stead_drop') THEN
    CREATE EVENT TRIGGER stead_drop ON sql_drop EXECUTE FUNCTION immuta_system.on_drop();
    COMMENT ON EVENT TRIGGER stead_drop IS 'stead: tells of what was dropped';
  END IF;
  FOR v_name IN SELECT evtname FROM pg_catalog.pg_event_trigger WHERE evtname IN ('stead_ddl', 'stead_policy', 'stead_drop') AND evtenabled <> 'O' LOOP
    EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE', v_name);
  END LOOP;
END $do$
