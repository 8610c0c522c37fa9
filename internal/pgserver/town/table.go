package town

const townSQL = `
CREATE ROLE hr_owner NOLOGIN; CREATE ROLE etl LOGIN IN ROLE hr_owner; CREATE ROLE natives NOLOGIN IN ROLE immuta_impersonator;
CREATE ROLE alice LOGIN IN ROLE immuta_governed; CREATE ROLE bob LOGIN IN ROLE immuta_governed; CREATE ROLE dora LOGIN IN ROLE immuta_governed;
CREATE ROLE mallory LOGIN IN ROLE immuta_governed; CREATE ROLE svc LOGIN IN ROLE immuta_governed, immuta_impersonator;
CREATE ROLE pinsvc LOGIN IN ROLE immuta_governed, immuta_impersonator; CREATE ROLE onlysvc LOGIN IN ROLE immuta_governed, immuta_impersonator;
CREATE ROLE native LOGIN IN ROLE natives; CREATE ROLE stranger LOGIN IN ROLE immuta_governed;
CREATE ROLE former LOGIN IN ROLE immuta_governed, immuta_impersonator;
INSERT INTO immuta_system.identity (id, iam, name, serves, impersonable, limited, key) VALUES
 (1,'bim','alice',true,true,false,''), (2,'bim','bob',true,true,false,''), (3,'bim','dora',true,true,false,'project/apollo'), (4,'bim','svc',true,true,false,''),
 (5,'bim','mallory',true,true,false,''), (6,'bim','pinsvc',true,true,false,''), (7,'bim','root',true,false,false,''), (8,'okta','bob',true,true,false,''),
 (9,'bim','émile o''neil',true,true,false,''), (10,'bim','onlysvc',true,true,false,''), (11,'bim','former',true,true,false,''), (12,'bim','idle',false,true,false,''),
 (13,'bim','limited',true,true,true,'');
INSERT INTO immuta_system.login VALUES ('alice',1,true,false,false), ('bob',2,true,false,false), ('dora',3,true,false,false), ('svc',4,true,false,false),
 ('mallory',5,true,false,false), ('pinsvc',6,false,true,false), ('onlysvc',10,false,false,false), ('former',11,true,false,false), ('etl',NULL,false,false,true);
INSERT INTO immuta_system.stand_in VALUES (4,'2'), (4,'3'), (4,'7'), (4,'12'), (4,'13'), (6,'2'), (6,'3'), (10,'2');
INSERT INTO immuta_system.membership VALUES ('svc'), ('pinsvc'), ('onlysvc'), ('former');
INSERT INTO immuta_system.value VALUES (1,'attribute','dept','d01'), (1,'attribute','dept','d02'), (2,'attribute','dept','d03'), (3,'attribute','dept','d04'),
 (5,'attribute','dept','d05'), (8,'attribute','dept','d08'), (9,'attribute','dept','d09'), (13,'attribute','dept','d07');
INSERT INTO immuta_system.fact VALUES ('masked', 2), ('masked', 1);
INSERT INTO immuta_system.member SELECT 'everybody', g, 'r' FROM generate_series(1, 13) g;
INSERT INTO immuta_system.member VALUES ('everybody', 1, 'w');
INSERT INTO immuta_system.source VALUES (1, 'everybody', true), (2, 'everybody', false);
INSERT INTO immuta_system.slot VALUES (1, 1, 'attribute', 'dept', false, ''), (1, 2, 'fact', 'masked', false, ''), (1, 3, 'group', '', true, 'nobody''s');
CREATE SCHEMA hr AUTHORIZATION hr_owner; GRANT USAGE ON SCHEMA hr TO immuta_governed, immuta_owner;
SET ROLE hr_owner;
CREATE TABLE hr.emp (id int PRIMARY KEY, name text, dept text, ssn text);
INSERT INTO hr.emp SELECT g, 'n' || g, 'd0' || (1 + g % 9), '00000' || (1000 + g) FROM generate_series(1, 900) g;
ALTER TABLE hr.emp ENABLE ROW LEVEL SECURITY; ALTER TABLE hr.emp FORCE ROW LEVEL SECURITY;
CREATE POLICY stead_1_rows ON hr.emp AS RESTRICTIVE TO immuta_governed, immuta_owner
 USING ((SELECT immuta_policies.reads(1)) AND dept = ANY ((SELECT immuta_policies.texts(1, 1))::text[]));
CREATE POLICY stead_1_open ON hr.emp FOR SELECT TO immuta_governed, immuta_owner USING ((SELECT immuta_policies.intact(1)));
CREATE POLICY stead_1_owner ON hr.emp TO hr_owner USING ((SELECT immuta_policies.exempt())) WITH CHECK ((SELECT immuta_policies.exempt()));
GRANT SELECT (id, name, dept) ON hr.emp TO immuta_governed; GRANT SELECT ON hr.emp TO immuta_owner;
RESET ROLE;
CREATE SCHEMA hr_gov AUTHORIZATION immuta_owner; GRANT USAGE ON SCHEMA hr_gov TO immuta_governed;
SET ROLE immuta_owner;
CREATE VIEW hr_gov.emp WITH (security_barrier) AS SELECT id, name, dept, CASE WHEN (SELECT immuta_policies.holds(1, 2)) THEN 'masked' ELSE ssn END AS ssn FROM hr.emp
 WHERE (SELECT immuta_policies.intact(1));
CREATE VIEW hr_gov.lazy WITH (security_barrier) AS SELECT id, dept, CASE WHEN id > 2 THEN CASE WHEN (SELECT immuta_policies.holds(1, 2)) THEN 'masked' ELSE ssn END END AS ssn FROM hr.emp;
GRANT SELECT ON hr_gov.emp, hr_gov.lazy TO immuta_governed;
INSERT INTO immuta_system.governed (source, schema, name, relation, layout, rows_policy, rows_xmin)
 SELECT 1, 'hr', 'emp', p.polrelid, 'rls', p.oid, p.xmin::text FROM pg_policy p WHERE p.polname = 'stead_1_rows';
RESET ROLE;
CREATE SCHEMA play; GRANT ALL ON SCHEMA play TO PUBLIC; GRANT TEMPORARY ON DATABASE postgres TO PUBLIC;`
