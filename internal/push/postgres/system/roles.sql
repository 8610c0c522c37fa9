DO $do$
DECLARE
  v_owner text; v_name text;
BEGIN
  IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
    RAISE EXCEPTION 'the database is not in UTF8: names and values cannot be compared by their bytes' USING ERRCODE = '0A000';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'immuta_owner') THEN
    BEGIN
      CREATE ROLE immuta_owner NOLOGIN;
      COMMENT ON ROLE immuta_owner IS 'stead: owns the objects of stead; nobody but its service may be a member';
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database was quicker
    END;
  END IF;
  IF coalesce(pg_catalog.shobj_description((SELECT oid FROM pg_catalog.pg_roles WHERE rolname = 'immuta_owner'), 'pg_authid'), '') NOT LIKE 'stead:%' THEN
    RAISE EXCEPTION 'there is a role immuta_owner that stead did not make' USING ERRCODE = '42710';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'immuta_owner' AND (rolcanlogin OR rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'the role immuta_owner may log in, is a superuser or bypasses row security' USING ERRCODE = '42710', HINT = 'ALTER ROLE immuta_owner NOLOGIN NOSUPERUSER NOBYPASSRLS';
  END IF;
  IF NOT pg_catalog.pg_has_role(current_user, 'immuta_owner', 'MEMBER') THEN
    EXECUTE pg_catalog.format('GRANT immuta_owner TO %I', current_user);
  END IF;
  -- Without the first nobody's backend is known, and every impersonation fails; the second ends sessions.
  FOREACH v_name IN ARRAY ARRAY['pg_read_all_stats', 'pg_signal_backend'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles u ON u.oid = m.member
                   WHERE g.rolname = v_name AND u.rolname = 'immuta_owner') THEN
      EXECUTE pg_catalog.format('GRANT %I TO immuta_owner', v_name);
    END IF;
  END LOOP;
  FOREACH v_name IN ARRAY ARRAY[{{governed}}, {{impersonator_role}}] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_name) THEN
      BEGIN
        EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', v_name);
        EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', v_name, 'stead: its members are governed, or may ask in the stead of others');
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
  END LOOP;
  -- Who is let in natively reads nothing but what is governed.
  IF NOT pg_catalog.pg_has_role({{impersonator_role}}, {{governed}}, 'MEMBER') THEN
    EXECUTE pg_catalog.format('GRANT %I TO %I', {{governed}}, {{impersonator_role}});
  END IF;
  FOREACH v_name IN ARRAY ARRAY['immuta_system', 'immuta_policies', 'immuta_procedures'] LOOP
    SELECT r.rolname INTO v_owner FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner WHERE n.nspname = v_name;
    IF NOT FOUND THEN
      EXECUTE pg_catalog.format('CREATE SCHEMA %I AUTHORIZATION immuta_owner', v_name);
    ELSIF v_owner <> 'immuta_owner' THEN
      RAISE EXCEPTION 'there is a schema % that belongs to %', v_name, v_owner USING ERRCODE = '42P06', HINT = 'rename it';
    END IF;
  END LOOP;
END $do$
--
SET LOCAL ROLE immuta_owner
--
REVOKE ALL ON SCHEMA immuta_system, immuta_policies, immuta_procedures FROM PUBLIC
--
GRANT USAGE ON SCHEMA immuta_policies, immuta_procedures TO PUBLIC
--
COMMENT ON SCHEMA immuta_system IS 'stead: profiles, keys and history; for immuta_owner alone'
--
COMMENT ON SCHEMA immuta_policies IS 'stead: look-ups that policies and views call'
--
COMMENT ON SCHEMA immuta_procedures IS 'stead: what people call'
