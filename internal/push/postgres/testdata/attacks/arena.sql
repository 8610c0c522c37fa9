-- The tables that are attacked: made before anything is governed, with what such databases have around them. Every value tells which row it is of.
CREATE EXTENSION postgres_fdw; CREATE EXTENSION dblink; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_trgm; CREATE EXTENSION tablefunc;
CREATE ROLE hr_owner NOLOGIN; CREATE ROLE etl LOGIN IN ROLE hr_owner; CREATE ROLE hrdev LOGIN IN ROLE hr_owner; CREATE ROLE readers NOLOGIN;
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN; CREATE ROLE dora LOGIN; CREATE ROLE svc LOGIN; CREATE ROLE pinsvc LOGIN;
CREATE ROLE mallory LOGIN; CREATE ROLE wendy LOGIN; CREATE ROLE solo LOGIN; CREATE ROLE native LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE root LOGIN;
GRANT readers TO alice, bob, carol, dora, svc, pinsvc, solo, mallory, wendy, native, stranger;
CREATE SCHEMA hr AUTHORIZATION hr_owner; GRANT USAGE ON SCHEMA hr TO readers, PUBLIC;
SET ROLE hr_owner;
CREATE TABLE hr.dept(code text PRIMARY KEY);
INSERT INTO hr.dept SELECT 'd' || lpad(g::text, 2, '0') FROM generate_series(1, 9) g;
CREATE TABLE hr.emp(id serial PRIMARY KEY, name text, dept text REFERENCES hr.dept, code text, div int, ssn text UNIQUE, salary int, notes text);
CREATE INDEX ON hr.emp(dept); CREATE INDEX emp_trgm ON hr.emp USING gin (name gin_trgm_ops);
INSERT INTO hr.emp(name, dept, code, div, ssn, salary, notes)
 SELECT 'nm' || lpad(g::text, 4, '0'), 'd0' || 1 + g % 9, CASE 1 + g % 9 WHEN 3 THEN '1' ELSE 'boom-' || lpad(g::text, 4, '0') END,
  CASE 1 + g % 9 WHEN 3 THEN 1 ELSE 0 END, 'ssn-' || lpad(g::text, 4, '0'), 7700000 + g, 'note-' || lpad(g::text, 4, '0') FROM generate_series(1, 900) g;
CREATE STATISTICS hr.emp_stats (mcv) ON dept, ssn FROM hr.emp;
CREATE TABLE hr.bonus(emp_id int REFERENCES hr.emp, dept text, what text);
INSERT INTO hr.bonus SELECT g, 'd0' || 1 + g % 9, 'bonus-' || lpad(g::text, 3, '0') FROM generate_series(1, 90) g;
CREATE TABLE hr.part(id int, dept text, name text, ssn text) PARTITION BY RANGE (id);
CREATE TABLE hr.part1 PARTITION OF hr.part FOR VALUES FROM (0) TO (100);
CREATE TABLE hr.part2 PARTITION OF hr.part FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE hr.part2a PARTITION OF hr.part2 DEFAULT;
INSERT INTO hr.part SELECT g, 'd0' || 1 + g % 9, 'pt' || lpad(g::text, 3, '0'), 'pssn-' || lpad(g::text, 3, '0') FROM generate_series(1, 180) g;
CREATE TABLE hr.par(id int, dept text, name text); CREATE TABLE hr.chi(x int) INHERITS (hr.par);
INSERT INTO hr.par SELECT g, 'd0' || 1 + g % 9, 'ch' || g FROM generate_series(10, 18) g;
INSERT INTO hr.chi SELECT g, 'd0' || 1 + g % 9, 'ch' || g, g FROM generate_series(19, 27) g;
CREATE TABLE hr.memo(id int PRIMARY KEY, dept text, body text, pin text UNIQUE);
INSERT INTO hr.memo SELECT g, 'd0' || 1 + g % 9, 'memo-' || lpad(g::text, 3, '0'), 'mpin-' || lpad(g::text, 3, '0') FROM generate_series(1, 90) g;
CREATE TABLE hr.raw AS SELECT id, name, dept, ssn FROM hr.emp;
CREATE MATERIALIZED VIEW hr.mv AS SELECT id, dept, ssn FROM hr.raw;
CREATE VIEW hr.reg AS SELECT id, name, dept, ssn FROM hr.raw;
CREATE VIEW hr.vemp AS SELECT id, name, dept, ssn FROM hr.emp;
CREATE VIEW hr.v_old AS SELECT id, name, dept, ssn FROM hr.emp;
CREATE VIEW hr.v_old2 AS SELECT * FROM hr.v_old;
CREATE MATERIALIZED VIEW hr.m_old AS SELECT dept, count(*) n, max(ssn) mx FROM hr.emp GROUP BY 1;
CREATE FUNCTION hr.ft() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM hr.emp';
CREATE FUNCTION hr.fd() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT name || ssn FROM hr.emp';
CREATE TABLE hr.log(t text);
CREATE FUNCTION hr.trg() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO hr.log VALUES (TG_OP || NEW.id); RETURN NEW; END $$;
CREATE TRIGGER t AFTER INSERT OR UPDATE ON hr.memo FOR EACH ROW EXECUTE FUNCTION hr.trg();
GRANT SELECT ON ALL TABLES IN SCHEMA hr TO readers, native; GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER, TRUNCATE ON hr.emp TO readers;
REVOKE ALL ON hr.log, hr.raw FROM readers, native;
RESET ROLE; ANALYZE;
-- Nobody governs the twin.
CREATE SCHEMA twin; GRANT ALL ON SCHEMA twin TO PUBLIC;
DO $$ DECLARE t text; BEGIN
 FOREACH t IN ARRAY ARRAY['emp', 'bonus', 'part', 'par', 'memo', 'mv', 'reg', 'v_old', 'm_old', 'chi', 'part1', 'part2', 'part2a', 'dept', 'v_old2', 'vemp'] LOOP
  EXECUTE format('CREATE TABLE twin.%I AS SELECT * FROM hr.%1$I', t);
 END LOOP;
END $$;
CREATE FUNCTION twin.fd() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT name || ssn FROM twin.emp';
CREATE FUNCTION twin.ft() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM twin.emp';
ALTER TABLE twin.emp ADD PRIMARY KEY (id), ADD UNIQUE (ssn); ALTER TABLE twin.memo ADD PRIMARY KEY (id), ADD UNIQUE (pin);
CREATE STATISTICS twin.emp_stats (mcv) ON dept, ssn FROM twin.emp;
GRANT ALL ON ALL TABLES IN SCHEMA twin TO PUBLIC; ANALYZE;
CREATE SCHEMA play; GRANT ALL ON SCHEMA play TO PUBLIC; GRANT TEMPORARY ON DATABASE postgres TO PUBLIC;
