CREATE OR REPLACE FUNCTION immuta_policies.reads(source bigint, version text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
-- A transaction that began before the policies were edited has the rows of before and the policies of now: the two
-- together are what neither says.
BEGIN
  IF NOT immuta_policies.reads($1) THEN
    RETURN false;
  END IF;
  IF NOT EXISTS (SELECT FROM immuta_system.governed g WHERE g.source = $1 AND pg_catalog.starts_with(g.fingerprint, $2)) THEN
    RAISE EXCEPTION 'the policies of this table changed after the transaction began' USING ERRCODE = '40001', HINT = 'begin anew';
  END IF;
  RETURN true;
END $body$
--
ALTER FUNCTION immuta_policies.reads(bigint, text) OWNER TO immuta_owner
--
GRANT EXECUTE ON FUNCTION immuta_policies.reads(bigint, text) TO PUBLIC
--
COMMENT ON FUNCTION immuta_policies.reads(bigint, text) IS 'stead: the subject may read the source, under the policies that ask'
