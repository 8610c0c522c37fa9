package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push/postgres/server"
	"stead/internal/push/postgres/system"
)

func (p *Platform) inspect(ctx context.Context, tx pgx.Tx, w wanted) (*found, error) {
	f := &found{relations: map[uint32]*relation{}, byName: map[string]*relation{}, governed: map[stead.SourceID]*record{},
		views: map[string]*relation{}, schemas: map[string]*schema{}}
	steps := []func(context.Context, pgx.Tx, *found, wanted) error{p.server, p.ours, p.records, p.tree, p.relationRows,
		p.columnRows, p.policyRows, p.grantRows, p.sequenceRows, p.schemaRows, p.readingRows, p.functionRows, p.releasedRows, p.memberRows}
	for _, step := range steps {
		if err := step(ctx, tx, f, w); err != nil {
			return nil, err
		}
		if f.version < oldest {
			return nil, stead.Errorf(stead.Unsupported, "the server is PostgreSQL %d", f.version/10000).WithHint("PostgreSQL 15 or newer is governed")
		}
	}
	f.settle()
	return f, nil
}

func (p *Platform) server(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	return tx.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_database(), r.rolname::text, r.rolsuper, r.rolcreaterole
		FROM pg_roles r WHERE r.rolname = current_user`).Scan(&f.version, &f.database, &f.user, &f.super, &f.creates)
}

// ours reads what we are here, if anything.
func (p *Platform) ours(ctx context.Context, tx pgx.Tx, f *found, w wanted) error {
	err := tx.QueryRow(ctx, `SELECT to_regclass('immuta_system.meta') IS NOT NULL`).Scan(&f.booted)
	if err != nil {
		return err
	}
	f.exempt, err = strings1(tx.Query(ctx, `SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1::text[]) AND NOT rolsuper ORDER BY 1`, w.settings.Exempt))
	if err != nil || !f.booted {
		return err
	}
	err = tx.QueryRow(ctx, `SELECT connection, instance, script, revision, state, CASE WHEN $1 THEN coalesce(to_jsonb(m) ->> 'stands', '') <> `+system.Stands+` ELSE false END
		FROM immuta_system.meta m`, w.all).Scan(&f.connection, &f.instance, &f.script, &f.revision, &f.state, &f.tampered)
	if err == pgx.ErrNoRows {
		f.booted = false
		return nil
	}
	return err
}

// records reads immuta_system.governed, and beside each what it would say now.
func (p *Platform) records(ctx context.Context, tx pgx.Tx, f *found, w wanted) error {
	if !f.booted {
		return nil
	}
	ids := make([]int64, len(w.sources))
	for i, id := range w.sources {
		ids[i] = int64(id)
	}
	// The server may know nothing yet about thousands of policies that are new.
	if _, err := tx.Exec(ctx, `SET LOCAL enable_nestloop = off`); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `WITH RECURSIVE g AS (SELECT * FROM immuta_system.governed g WHERE $1 OR g.source = ANY ($2::bigint[])),
		d(source, oid) AS (SELECT g.source, g.relation FROM g UNION SELECT d.source, i.inhrelid FROM d JOIN pg_inherits i ON i.inhparent = d.oid),
		n(source, native) AS (SELECT d.source, `+native("l")+` FROM d JOIN pg_policy l ON l.polrelid = d.oid
			AND l.polname::text LIKE 'stead\_' || d.source::text || '\_%' GROUP BY d.source)
		SELECT g.source, g.schema, g.name, g.relation, g.layout, g.fingerprint, coalesce(n.native, ''), g.detail FROM g LEFT JOIN n ON n.source = g.source`, w.all, ids)
	err = server.Each(rows, err, func(r pgx.Rows) error {
		var id int64
		g := &record{}
		if err := r.Scan(&id, &g.schema, &g.name, &g.relation, &g.layout, &g.fingerprint, &g.native, &g.detail); err != nil {
			return err
		}
		f.governed[stead.SourceID(id)] = g
		return nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `SET LOCAL enable_nestloop = on`)
	return err
}

// tree finds the tables by name and by record, what inherits from them, what they inherit from, and what reads any of these.
func (p *Platform) tree(ctx context.Context, tx pgx.Tx, f *found, w wanted) error {
	var schemas, tables []string
	for _, path := range w.paths {
		schemas, tables = append(schemas, path[0]), append(tables, path[1])
	}
	var known []uint32
	for _, g := range f.governed {
		known = append(known, g.relation)
	}
	rows, err := tx.Query(ctx, `WITH RECURSIVE root AS (
		SELECT c.oid FROM unnest($1::text[], $2::text[]) w(s, t) JOIN pg_namespace n ON n.nspname = w.s
			JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.t AND c.relkind IN ('r','p','v','m','f')
		UNION SELECT c.oid FROM pg_namespace n JOIN unnest($1::text[], $2::text[]) w(s, t) ON obj_description(n.oid, 'pg_namespace') = '`+moves+`' || w.s
			JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.t AND c.relkind IN ('r','p','v','m','f') WHERE n.nspname LIKE '%\_raw'
		UNION SELECT c.oid FROM pg_class c WHERE c.oid = ANY ($3::oid[])),
	down(root, oid) AS (SELECT oid, oid FROM root UNION SELECT d.root, i.inhrelid FROM down d JOIN pg_inherits i ON i.inhparent = d.oid),
	up(root, oid) AS (SELECT oid, oid FROM root UNION SELECT u.root, i.inhparent FROM up u JOIN pg_inherits i ON i.inhrelid = u.oid),
	reader(root, oid) AS (SELECT root, oid FROM (SELECT root, oid FROM down UNION SELECT root, oid FROM up) x UNION
		SELECT x.root, w.ev_class FROM reader x JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = x.oid
			AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n' JOIN pg_rewrite w ON w.oid = d.objid AND w.ev_class <> x.oid)
	SELECT 'down', root, oid FROM down UNION ALL SELECT 'up', root, oid FROM up WHERE root <> oid
	UNION ALL SELECT 'reader', r.root, r.oid FROM reader r WHERE NOT EXISTS (SELECT FROM down d WHERE d.root = r.root AND d.oid = r.oid)
		AND NOT EXISTS (SELECT FROM up u WHERE u.root = r.root AND u.oid = r.oid)`, schemas, tables, known)
	return server.Each(rows, err, func(r pgx.Rows) error {
		var how string
		var root, oid uint32
		if err := r.Scan(&how, &root, &oid); err != nil {
			return err
		}
		top := f.relation(root)
		f.relation(oid)
		switch {
		case how == "up":
			top.parents = append(top.parents, oid)
		case how == "reader":
			top.dependents = append(top.dependents, oid)
		case root != oid:
			top.children = append(top.children, oid)
		}
		return nil
	})
}

// relationRows reads the relations, and all that stands in schemas of ours.
func (p *Platform) relationRows(ctx context.Context, tx pgx.Tx, f *found, w wanted) error {
	rows, err := tx.Query(ctx, `SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence = 't', o.rolname::text,
			pg_has_role(c.relowner, 'USAGE'), c.relrowsecurity, c.relforcerowsecurity, coalesce(obj_description(c.oid, 'pg_class'), ''),
			CASE WHEN c.relkind = 'v' THEN coalesce((SELECT md5(r.ev_action::text) FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename = '_RETURN'), '') ELSE '' END,
			coalesce(c.reloptions && '{security_barrier=true}'::text[], false), coalesce(obj_description(n.oid, 'pg_namespace'), '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
		WHERE c.oid = ANY ($1::oid[]) OR (c.relkind IN ('r','p','v','m','f') AND n.nspname LIKE '%\_gov')`, f.oids())
	return server.Each(rows, err, func(r pgx.Rows) error {
		var t relation
		var marker string
		err := r.Scan(&t.oid, &t.schema, &t.name, &t.kind, &t.temporary, &t.owner, &t.mine, &t.rls, &t.force, &t.comment, &t.body, &t.barrier, &marker)
		if err != nil {
			return err
		}
		if at := f.relations[t.oid]; at != nil {
			t.children, t.parents, t.dependents = at.children, at.parents, at.dependents
		} else {
			f.relations[t.oid] = &t
		}
		*f.relations[t.oid] = t
		f.byName[name(t.schema, t.name)] = f.relations[t.oid]
		if strings.HasSuffix(t.schema, "_gov") {
			f.views[name(t.schema, t.name)] = f.relations[t.oid]
		}
		return nil
	})
}

// baseType spells the type of column a, of type y: of a domain what it is made of, which is what operators and functions take it for.
const baseType = `CASE WHEN y.typtype <> 'd' THEN format_type(a.atttypid, a.atttypmod) ELSE (
	WITH RECURSIVE b(oid, typmod) AS (SELECT y.typbasetype, y.typtypmod
		UNION ALL SELECT t.typbasetype, t.typtypmod FROM b JOIN pg_type t ON t.oid = b.oid AND t.typtype = 'd')
	SELECT format_type(b.oid, b.typmod) FROM b JOIN pg_type t ON t.oid = b.oid AND t.typtype <> 'd') END`

func (p *Platform) columnRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	rows, err := tx.Query(ctx, `SELECT a.attrelid, a.attnum, a.attname::text, `+baseType+`, y.typtype = 'd', coalesce(l.collisdeterministic, true),
			CASE WHEN l.oid IS NULL THEN '' ELSE format('%I.%I', n.nspname, l.collname) END
		FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN (pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace) ON l.oid = a.attcollation
		WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`, f.oids())
	return server.Each(rows, err, func(r pgx.Rows) error {
		var oid uint32
		var c column
		if err := r.Scan(&oid, &c.number, &c.name, &c.native, &c.domain, &c.bytes, &c.collation); err != nil {
			return err
		}
		f.relations[oid].columns = append(f.relations[oid].columns, c)
		return nil
	})
}

func (p *Platform) policyRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	// The server may know nothing yet about thousands of policies that are new.
	if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT l.polrelid, l.polname::text, coalesce(d.description, ''), l.polpermissive,
			ARRAY(SELECT coalesce(r.rolname::text, 'public') FROM unnest(l.polroles) x LEFT JOIN pg_roles r ON r.oid = x ORDER BY 1),
			EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_policy'::regclass AND x.objid = l.oid AND x.refclassid = 'pg_class'::regclass AND x.refobjid <> l.polrelid)
		FROM pg_policy l LEFT JOIN pg_description d ON d.classoid = 'pg_policy'::regclass AND d.objoid = l.oid AND d.objsubid = 0
		WHERE l.polrelid = ANY ($1::oid[]) ORDER BY 1, 2`, f.oids())
	err = server.Each(rows, err, func(r pgx.Rows) error {
		var oid uint32
		var l policyRow
		if err := r.Scan(&oid, &l.name, &l.comment, &l.permissive, &l.roles, &l.reads); err != nil {
			return err
		}
		f.relations[oid].policies = append(f.relations[oid].policies, l)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `SET LOCAL enable_seqscan = on`)
	return err
}

func (p *Platform) grantRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	rows, err := tx.Query(ctx, `SELECT g.oid, coalesce(r.rolname::text, 'public'), g.privilege_type, g.col FROM (
			SELECT c.oid, c.relowner, a.grantee, a.privilege_type, '' AS col FROM pg_class c CROSS JOIN aclexplode(c.relacl) a WHERE c.oid = ANY ($1::oid[])
			UNION ALL SELECT c.oid, c.relowner, a.grantee, a.privilege_type, t.attname::text FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid
				AND t.attacl IS NOT NULL CROSS JOIN aclexplode(t.attacl) a WHERE c.oid = ANY ($1::oid[])) g
		LEFT JOIN pg_roles r ON r.oid = g.grantee WHERE g.grantee <> g.relowner ORDER BY 1, 2, 3, 4`, f.oids())
	return server.Each(rows, err, func(r pgx.Rows) error {
		var oid uint32
		var g grant
		if err := r.Scan(&oid, &g.to, &g.privilege, &g.column); err != nil {
			return err
		}
		f.relations[oid].grants = append(f.relations[oid].grants, g)
		return nil
	})
}

func (p *Platform) schemaRows(ctx context.Context, tx pgx.Tx, f *found, w wanted) error {
	rows, err := tx.Query(ctx, `SELECT n.nspname::text, o.rolname::text, coalesce(obj_description(n.oid, 'pg_namespace'), ''),
			ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.rolname = ANY ($1::text[]) AND has_schema_privilege(r.oid, n.oid, 'USAGE') ORDER BY 1),
			has_schema_privilege(n.oid, 'CREATE')
		FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE n.nspname !~ '^pg_(temp|toast)'`, []string{w.settings.GovernedRole, ownerRole})
	return server.Each(rows, err, func(r pgx.Rows) error {
		s := &schema{}
		if err := r.Scan(&s.name, &s.owner, &s.comment, &s.usage, &s.creates); err != nil {
			return err
		}
		f.schemas[s.name] = s
		return nil
	})
}

// functionRows reads the functions that run as their owner, with the words of their text.
func (p *Platform) functionRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	rows, err := tx.Query(ctx, `SELECT p.oid, n.nspname::text, p.proname::text, pg_get_function_identity_arguments(p.oid), o.rolname::text,
			coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
			ARRAY(SELECT DISTINCT coalesce(r.rolname::text, 'public') FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
				LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.grantee <> p.proowner ORDER BY 1)
		FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
		WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'immuta_system', 'immuta_policies', 'immuta_procedures')
			AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) ORDER BY 2, 3, 4`)
	return server.Each(rows, err, func(r pgx.Rows) error {
		var d definer
		var body string
		if err := r.Scan(&d.oid, &d.schema, &d.name, &d.arguments, &d.owner, &body, &d.grants); err != nil {
			return err
		}
		d.words = words(body)
		f.functions = append(f.functions, d)
		return nil
	})
}

func strings1(rows pgx.Rows, err error) ([]string, error) {
	var out []string
	err = server.Each(rows, err, func(r pgx.Rows) error {
		var s string
		if err := r.Scan(&s); err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

func decimal(id stead.SourceID) string { return strconv.FormatInt(int64(id), 10) }
