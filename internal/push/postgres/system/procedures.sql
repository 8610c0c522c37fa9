CREATE OR REPLACE FUNCTION immuta_system.named(asked text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- The identity of a name as people spell it, "name" or "iam:name"; NULL when there is not exactly one. Names are stored canonical; of
-- what makes them so only composition and the case of ASCII letters are done here: locales disagree about the rest.
DECLARE
  v_colon int := strpos(asked, ':');
  v_iam text := CASE WHEN v_colon > 0 THEN left(asked, v_colon - 1) ELSE 'bim' END;
  v_name text := substr(asked, v_colon + 1);
  v_found bigint[];
BEGIN
  v_found := ARRAY(SELECT i.id FROM immuta_system.identity i
    WHERE i.iam = v_iam AND i.name IN (normalize(v_name, NFC), normalize(lower(v_name COLLATE "C"), NFC)) LIMIT 2);
  RETURN CASE WHEN cardinality(v_found) = 1 THEN v_found[1] END;
END $body$
--
CREATE OR REPLACE FUNCTION immuta_system.tell(event text, started timestamptz, subject bigint, asked text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- Notes an event where audit finds it: in the history, which a rollback takes back, and in the server's log, which is all that a standby has.
DECLARE
  v_at timestamptz := clock_timestamp();
  v_subject text := (SELECT i.iam || ':' || i.name FROM immuta_system.identity i WHERE i.id = subject);
BEGIN
  IF NOT pg_is_in_recovery() THEN
    INSERT INTO immuta_system.impersonation (at, pid, backend_start, login, subject, asked, accepted, ended)
    VALUES (v_at, pg_backend_pid(), started, session_user::text, subject, left(asked, 300), event = 'accepted', event = 'ended');
  END IF;
  RAISE LOG 'stead.impersonation %', jsonb_build_object('event', event, 'login', session_user::text, 'subject', v_subject, 'identity', subject, 'asked', left(asked, 300),
    'at', extract(epoch FROM v_at), 'pid', pg_backend_pid(), 'start', extract(epoch FROM started), 'database', current_database());
END $body$
--
CREATE OR REPLACE PROCEDURE immuta_procedures.impersonate_user(who text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  v_started timestamptz := (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a);
  v_local boolean := {{pooled}};
  v_pinned boolean := coalesce((SELECT l.pinned FROM immuta_system.login l WHERE l.role = session_user::text), false);
  v_subject bigint; v_own boolean := false; v_nonce text := replace(gen_random_uuid()::text, '-', '');
  v_before immuta_system.binding;
BEGIN
  IF v_started IS NULL THEN
    RAISE EXCEPTION 'impersonation is not possible: this session cannot be told from others' USING ERRCODE = '55000', HINT = 'a database administrator grants pg_read_all_stats to immuta_owner';
  END IF;
  IF pg_is_in_recovery() THEN
    CALL immuta_system.impersonate_on_standby(who, v_started, v_local);
    RETURN;
  END IF;
  SELECT * INTO v_before FROM immuta_system.binding b WHERE b.pid = pg_backend_pid() AND b.backend_start = v_started;
  v_pinned := v_pinned AND v_before.subject IS NOT NULL;
  IF coalesce(who, '') = '' THEN
    IF v_pinned THEN
      {{pinned}}
    END IF;
    IF v_local AND {{impersonator}} THEN
      v_own := true; -- through a pooler even who asks for itself says so, in each transaction
    ELSE
      DELETE FROM immuta_system.binding b WHERE b.pid = pg_backend_pid();
      PERFORM set_config('immuta.binding', '', false);
      IF v_before.pid IS NOT NULL THEN
        PERFORM immuta_system.tell('ended', v_started, v_before.subject, '');
      END IF;
      RETURN;
    END IF;
  ELSE
    SELECT i.id INTO v_subject FROM immuta_system.identity i LEFT JOIN immuta_system.login l ON l.role = session_user::text
    WHERE i.id = immuta_system.named(who) AND {{permitted}};
    IF v_pinned AND v_subject IS DISTINCT FROM v_before.subject THEN
      {{pinned}}
    END IF;
  END IF;
  IF v_local THEN
    v_nonce := v_nonce || '@' || pg_current_xact_id();
  END IF;
  INSERT INTO immuta_system.binding AS b VALUES (pg_backend_pid(), v_started, session_user::text, v_subject, v_own, v_nonce)
  ON CONFLICT (pid) DO UPDATE SET backend_start = excluded.backend_start, login = excluded.login, subject = excluded.subject, own = excluded.own, nonce = excluded.nonce;
  PERFORM set_config('immuta.binding', v_nonce, v_local);
  PERFORM immuta_system.tell(CASE WHEN v_own THEN 'ended' WHEN v_subject IS NULL THEN 'refused' ELSE 'accepted' END, v_started, CASE WHEN v_own THEN v_before.subject ELSE v_subject END, coalesce(who, ''));
  IF random() < 0.01 AND current_setting('transaction_isolation') = 'read committed' THEN
    PERFORM immuta_system.sweep();
  END IF;
  IF v_subject IS NULL AND NOT v_own THEN
    {{refused}}
  END IF;
END $body$
--
CREATE OR REPLACE PROCEDURE immuta_system.impersonate_on_standby(who text, started timestamptz, here boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  v_subject bigint; v_expiry text := ceil(extract(epoch FROM now()) + 3600)::bigint::text;
BEGIN
  IF coalesce(who, '') = '' THEN
    PERFORM set_config('immuta.binding', '', here);
    PERFORM immuta_system.tell('ended', started, NULL, '');
    RETURN;
  END IF;
  v_subject := immuta_system.named(who);
  SELECT i.id INTO v_subject FROM immuta_system.identity i LEFT JOIN immuta_system.login l ON l.role = session_user::text
  WHERE i.id = v_subject AND {{single}} AND {{permitted}};
  PERFORM set_config('immuta.binding', coalesce(v_subject || '|' || v_expiry || '|' || immuta_system.token(v_subject::text, v_expiry), 'refused'), here);
  PERFORM immuta_system.tell(CASE WHEN v_subject IS NULL THEN 'refused' ELSE 'accepted' END, started, v_subject, who);
  IF v_subject IS NULL THEN
    {{refused}}
  END IF;
END $body$
--
CREATE OR REPLACE FUNCTION immuta_procedures.asking_as() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- Who this session asks as, NULL when nobody: then governed tables show nothing.
DECLARE
  {{declare}}
BEGIN
  {{who_quietly}}
  RETURN (SELECT CASE i.iam WHEN 'bim' THEN i.name ELSE i.iam || ':' || i.name END FROM immuta_system.identity i WHERE i.id = v_asks);
END $body$
--
CREATE OR REPLACE FUNCTION immuta_system.sweep() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- Forgets bindings of backends that are gone. They do no harm, but there would be ever more of them.
DECLARE
  v_gone int;
BEGIN
  PERFORM pg_stat_clear_snapshot();
  DELETE FROM immuta_system.binding d USING (
    SELECT b.pid FROM immuta_system.binding b
    WHERE NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) a WHERE a.pid = b.pid AND a.backend_start = b.backend_start) FOR UPDATE SKIP LOCKED) g
  WHERE d.pid = g.pid;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  RETURN v_gone;
END $body$
--
DO $do$
DECLARE
  v_routine record;
BEGIN
  FOR v_routine IN SELECT p.oid::regprocedure AS name, n.nspname, p.prokind FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures') AND p.proowner = current_user::regrole LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', v_routine.name);
    IF v_routine.nspname <> 'immuta_system' THEN
      EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', v_routine.name);
    END IF;
    EXECUTE pg_catalog.format('COMMENT ON ROUTINE %s IS %L', v_routine.name, 'stead: version {{version}}');
  END LOOP;
END $do$
