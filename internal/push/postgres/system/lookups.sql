CREATE OR REPLACE FUNCTION immuta_system.token(subject text, expiry text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- The mac of a token: it holds in one backend of one login only.
DECLARE
  v_key text := (SELECT k.key FROM immuta_system.hash_key k WHERE k.id = 'token');
  v_start text := (SELECT extract(epoch FROM a.backend_start)::text FROM pg_stat_get_activity(pg_backend_pid()) a);
BEGIN
  RETURN encode(sha256(convert_to(v_key || encode(sha256(convert_to(v_key || subject || '|' || expiry || '|' || pg_backend_pid() || '|' || v_start || '|' || session_user, 'UTF8')), 'hex'), 'UTF8')), 'hex');
END $body$
--
CREATE OR REPLACE FUNCTION immuta_system.token_subject(token text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- Whom a token stands for; NULL when it is not one of this session, or too old. Only a login that never asks for itself and
-- stands in for one person has one: a session that can be two people could mix them within a cursor.
DECLARE
  v_part text[] := string_to_array(token, '|');
BEGIN
  IF cardinality(v_part) <> 3 OR v_part[1] !~ '^[0-9]{1,18}$' OR v_part[2] !~ '^[0-9]{1,12}$'
     OR immuta_system.token(v_part[1], v_part[2]) IS DISTINCT FROM v_part[3]
     OR extract(epoch FROM now()) > v_part[2]::bigint THEN
    RETURN NULL;
  END IF;
  RETURN v_part[1]::bigint;
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.reads(source bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  {{declare}}
BEGIN
  {{who}}
  RETURN v_asks IS NOT NULL AND EXISTS ({{reaches}} AND m.access IN ('r', 'w'));
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.reads(source bigint, version text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- A transaction that began before the policies were edited has the rows of before and the policies of now: the two
-- together are what neither says.
DECLARE
  {{declare}}
BEGIN
  {{who}}
  IF v_asks IS NULL OR NOT EXISTS ({{reaches}} AND m.access IN ('r', 'w')) THEN
    RETURN false;
  END IF;
  IF NOT EXISTS (SELECT FROM immuta_system.governed g WHERE g.source = $1 AND starts_with(g.fingerprint, $2)) THEN
    RAISE EXCEPTION 'the policies of this table changed after the transaction began' USING ERRCODE = '40001', HINT = 'begin anew';
  END IF;
  RETURN true;
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.writes(source bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  {{declare}}
BEGIN
  {{who}}
  RETURN v_asks IS NOT NULL AND EXISTS ({{reaches}} AND m.access = 'w');
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.intact(source bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  RETURN EXISTS (
    SELECT FROM immuta_system.governed g JOIN pg_catalog.pg_class c ON c.oid = g.relation
    WHERE g.source = $1 AND CASE g.layout
      WHEN 'view' THEN true
      ELSE c.relrowsecurity AND (c.relforcerowsecurity OR NOT g.force)
           AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.oid = g.rows_policy AND p.polrelid = g.relation AND p.xmin::text = g.rows_xmin AND NOT p.polpermissive)
      END);
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.holds(source bigint, slot int) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  v_holds boolean;
  {{declare}}
BEGIN
  {{who}}
  IF v_asks IS NULL THEN
    RETURN false;
  END IF;
  SELECT EXISTS (SELECT FROM immuta_system.fact f WHERE f.identity = v_asks AND f.condition = t.key) INTO v_holds
  FROM immuta_system.slot t WHERE t.source = $1 AND t.slot = $2 AND t.kind = 'fact';
  IF NOT FOUND THEN
    {{missing}}
  END IF;
  RETURN v_holds;
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.texts(source bigint, slot int) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  v_given boolean; v_placeholder text; v_texts text[];
  {{declare}}
BEGIN
  {{who}}
  IF v_asks IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT ARRAY(SELECT v.value FROM immuta_system.value v WHERE v.identity = v_asks AND v.kind = t.kind AND v.key = t.key), t.given, t.placeholder
  INTO v_texts, v_given, v_placeholder FROM immuta_system.slot t WHERE t.source = $1 AND t.slot = $2 AND t.kind IN ('attribute', 'group', 'purpose');
  IF NOT FOUND THEN
    {{missing}}
  END IF;
  IF v_given AND cardinality(v_texts) = 0 THEN
    RETURN ARRAY[v_placeholder];
  END IF;
  RETURN v_texts;
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.user_name() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  {{declare}}
BEGIN
  {{who}}
  RETURN (SELECT i.name FROM immuta_system.identity i WHERE i.id = v_asks);
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.user_iam() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  {{declare}}
BEGIN
  {{who}}
  RETURN (SELECT i.iam FROM immuta_system.identity i WHERE i.id = v_asks);
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.key_of(source bigint) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  {{declare}}
BEGIN
  {{who}}
  RETURN (SELECT CASE i.key WHEN '' THEN 'source/' || $1 ELSE i.key END FROM immuta_system.identity i WHERE i.id = v_asks);
END $body$
--
CREATE OR REPLACE FUNCTION immuta_policies.exempt() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  {{declare}}
BEGIN
  {{who}}
  RETURN v_itself AND EXISTS (SELECT FROM immuta_system.login l WHERE l.role = session_user::text AND l.exempt AND {{itself}})
     AND NOT EXISTS (SELECT FROM immuta_system.switch w WHERE w.name = 'off');
END $body$
