import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.postgresql.PGConnection;

/** The PostgreSQL JDBC driver: metadata, prepared statements in binary, cursors, timeouts, CopyManager. */
public class Suite {
    static final Set<String> VISIBLE = new TreeSet<>(List.of("departments", "hr_data", "reviews"));
    static final List<String> COLUMNS = List.of("id", "first_name", "last_name", "email", "gender", "race", "ssn", "dept", "job", "skills", "salary", "type");
    static final String STAFF = "select id, last_name, email, ssn, dept, salary from demo.hr_data order by id";

    /** An asker as the lines that dev/clients/run writes for it: title, login, password, stead, how; then a row a line. */
    record Asker(String url, String title, String login, String password, String stead, String how, List<List<String>> staff) {
        Connection connect(String... more) throws SQLException {
            Properties p = new Properties();
            p.setProperty("user", login);
            p.setProperty("password", password);
            p.setProperty("sslmode", "disable");
            if (how.equals("option")) {
                p.setProperty("options", "-c immuta.impersonate.user=" + stead);
            }
            for (int i = 0; i < more.length; i += 2) {
                p.setProperty(more[i], more[i + 1]);
            }
            Connection c = DriverManager.getConnection(url, p);
            if (how.equals("statement")) {
                try (Statement s = c.createStatement()) {
                    s.execute("SET immuta.impersonate.user = '" + stead + "'");
                }
            }
            return c;
        }

        long id(int i) {
            return Long.parseLong(staff.get(i).get(0));
        }
    }

    interface Check {
        void run(Asker a) throws Exception;
    }

    record Named(String title, Check check) {}

    static final List<Named> CHECKS = List.of(
        new Named("rows and masks", Suite::rowsAndMasks),
        new Named("hidden is absent", Suite::hiddenIsAbsent),
        new Named("metadata of tables", Suite::tables),
        new Named("metadata of columns", Suite::columns),
        new Named("metadata of everything else", Suite::otherMetadata),
        new Named("prepared in binary", Suite::preparedInBinary),
        new Named("parameters of many types", Suite::parameters),
        new Named("arrays", Suite::arrays),
        new Named("fetch size", Suite::fetchSize),
        new Named("query timeout", Suite::queryTimeout),
        new Named("cancel", Suite::cancel),
        new Named("CopyManager", Suite::copyManager),
        new Named("simple protocol", Suite::simpleProtocol),
        new Named("errors leave the session usable", Suite::errors));

    public static void main(String[] args) throws Exception {
        int failed = 0;
        for (Asker a : askers(Path.of(args[0]))) {
            for (Named n : CHECKS) {
                String name = "JDBC: " + a.title + ": " + n.title;
                try {
                    n.check.run(a);
                    System.out.println("ok " + name);
                } catch (Exception | AssertionError e) {
                    failed++;
                    System.out.println("FAILED " + name + ": " + e.toString().replaceAll("\\s+", " ") + at(e));
                }
            }
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    static String at(Throwable e) {
        return Arrays.stream(e.getStackTrace()).filter(s -> s.getClassName().equals("Suite") && !s.getMethodName().startsWith("same"))
            .findFirst().map(s -> " at line " + s.getLineNumber()).orElse("");
    }

    static List<Asker> askers(Path file) throws Exception {
        List<Asker> all = new ArrayList<>();
        String url = "";
        for (String line : Files.readAllLines(file)) {
            List<String> cells = Arrays.asList(line.split("\t", -1));
            switch (cells.get(0)) {
                case "url" -> url = cells.get(1);
                case "asker" -> all.add(new Asker(url, cells.get(1), cells.get(2), cells.get(3), cells.get(4), cells.get(5), new ArrayList<>()));
                default -> all.get(all.size() - 1).staff.add(cells);
            }
        }
        return all;
    }

    static void same(Object got, Object want) {
        if (!Objects.equals(got, want)) {
            throw new AssertionError(cut(got) + " is not " + cut(want));
        }
    }

    static String cut(Object o) {
        String s = String.valueOf(o);
        return s.length() > 300 ? s.substring(0, 300) + "..." : s;
    }

    /** Rows of STAFF as promised, hashes being 16 hex digits. */
    static void sameStaff(ResultSet r, Asker a, int limit) throws SQLException {
        List<List<String>> got = new ArrayList<>();
        while (r.next()) {
            String ssn = r.getString(4);
            got.add(List.of(String.valueOf(r.getLong(1)), text(r.getString(2)), text(r.getString(3)),
                ssn.matches("[0-9a-f]{16}") ? "#" : ssn, r.getString(5), String.valueOf((long) r.getDouble(6))));
        }
        same(got, a.staff.subList(0, Math.min(limit, a.staff.size())));
    }

    static String text(String s) {
        return s == null ? "\\N" : s;
    }

    static String refused(String state, Check check, Asker a) throws Exception {
        try {
            check.run(a);
        } catch (SQLException e) {
            same(e.getSQLState() + (e.getSQLState().equals(state) ? "" : " " + e.getMessage()), state);
            return e.getMessage();
        }
        throw new AssertionError("not refused");
    }

    static Set<String> names(ResultSet r, String column) throws SQLException {
        Set<String> out = new TreeSet<>();
        while (r.next()) {
            out.add(r.getString(column));
        }
        return out;
    }

    static void rowsAndMasks(Asker a) throws Exception {
        try (Connection c = a.connect(); Statement s = c.createStatement()) {
            sameStaff(s.executeQuery(STAFF), a, Integer.MAX_VALUE);
        }
    }

    static void hiddenIsAbsent(Asker a) throws Exception {
        try (Connection c = a.connect(); Statement s = c.createStatement()) {
            String hidden = refused("42P01", x -> s.executeQuery("select * from demo.payroll"), a);
            String absent = refused("42P01", x -> s.executeQuery("select * from demo.nowhere"), a);
            same(hidden.replace("payroll", "nowhere"), absent);
            refused("42P01", x -> c.prepareStatement("select iban from demo.payroll where employee_id = ?").getMetaData(), a);
            DatabaseMetaData m = c.getMetaData();
            same(m.getTables(null, null, "payroll", null).next(), false);
            same(m.getColumns(null, null, "payroll", "%").next(), false);
        }
    }

    static void tables(Asker a) throws Exception {
        try (Connection c = a.connect()) {
            DatabaseMetaData m = c.getMetaData();
            same(names(m.getTables(null, "demo", "%", new String[] {"TABLE", "VIEW", "FOREIGN TABLE", "PARTITIONED TABLE"}), "TABLE_NAME"), VISIBLE);
            same(names(m.getTables("lake", "demo", "hr\\_data", null), "TABLE_NAME"), Set.of("hr_data"));
            same(names(m.getSchemas(), "TABLE_SCHEM").contains("demo"), true);
            same(names(m.getSchemas(null, "dem%"), "TABLE_SCHEM"), Set.of("demo"));
            same(names(m.getCatalogs(), "TABLE_CAT").contains("lake"), true);
            same(names(m.getTablePrivileges(null, "demo", "%"), "PRIVILEGE"), Set.of("SELECT"));
            ResultSet r = m.getColumnPrivileges(null, "demo", "hr_data", "%");
            while (r.next()) { // for the owner, which nobody signs in as, the driver adds what owners have by default
                same(r.getString("GRANTEE").equals("stead") || r.getString("PRIVILEGE").equals("SELECT"), true);
            }
        }
    }

    static void columns(Asker a) throws Exception {
        try (Connection c = a.connect()) {
            List<String> names = new ArrayList<>();
            List<Integer> types = new ArrayList<>();
            ResultSet r = c.getMetaData().getColumns(null, "demo", "hr_data", "%");
            while (r.next()) {
                names.add(r.getString("COLUMN_NAME"));
                types.add(r.getInt("DATA_TYPE"));
            }
            same(names, COLUMNS);
            same(List.of(types.get(0), types.get(6), types.get(10)), List.of(Types.BIGINT, Types.VARCHAR, Types.DOUBLE));
            same(names(c.getMetaData().getColumns(null, "demo", "%", "%"), "TABLE_NAME"), VISIBLE);
            try (PreparedStatement p = c.prepareStatement("select * from demo.reviews where employee_id = ?")) {
                same(p.getMetaData().getColumnTypeName(4), "_text");
                same(p.getParameterMetaData().getParameterType(1), Types.BIGINT);
            }
        }
    }

    static void otherMetadata(Asker a) throws Exception {
        try (Connection c = a.connect()) {
            DatabaseMetaData m = c.getMetaData();
            same(m.getDatabaseProductName(), "PostgreSQL");
            for (ResultSet r : List.of(m.getPrimaryKeys(null, "demo", "hr_data"), m.getImportedKeys(null, "demo", "hr_data"),
                m.getExportedKeys(null, "demo", "hr_data"), m.getIndexInfo(null, "demo", "hr_data", false, true),
                m.getBestRowIdentifier(null, "demo", "hr_data", DatabaseMetaData.bestRowSession, true),
                m.getCrossReference(null, "demo", "hr_data", null, "demo", "reviews"),
                m.getProcedures(null, "demo", "%"), m.getFunctions(null, "demo", "%"), m.getProcedureColumns(null, "demo", "%", "%"),
                m.getFunctionColumns(null, "demo", "%", "%"))) {
                same(r.next(), false);
            }
            same(names(m.getUDTs(null, "demo", "%", null), "TYPE_NAME"), VISIBLE); // the row type of each table
            same(names(m.getTypeInfo(), "TYPE_NAME").containsAll(Set.of("int8", "text", "date", "float8")), true);
            same(names(m.getTableTypes(), "TABLE_TYPE").contains("TABLE"), true);
            m.getClientInfoProperties();
            same(m.getSQLKeywords() != null, true);
            same(m.getUserName(), a.login);
            same(c.getSchema() == null || !c.getSchema().isEmpty(), true);
            same(c.isValid(5), true);
        }
    }

    static void preparedInBinary(Asker a) throws Exception {
        try (Connection c = a.connect("prepareThreshold", "1", "binaryTransfer", "true");
            PreparedStatement p = c.prepareStatement("select id, dept, salary from demo.hr_data where id = ? and dept = ?")) {
            for (List<String> row : a.staff.subList(0, 20)) {
                p.setLong(1, Long.parseLong(row.get(0)));
                p.setString(2, row.get(4));
                ResultSet r = p.executeQuery();
                same(r.next(), true);
                same(List.of(r.getLong(1), r.getString(2), (long) r.getDouble(3)), List.of(Long.parseLong(row.get(0)), row.get(4), Long.parseLong(row.get(5))));
                same(r.next(), false);
            }
        }
    }

    static void parameters(Asker a) throws Exception {
        try (Connection c = a.connect("prepareThreshold", "1");
            PreparedStatement p = c.prepareStatement("select ?::bool, ?::int, ?::bigint, ?::float8, ?::text, ?::date, ?::numeric(10,2), ?::text")) {
            for (int i = 0; i < 3; i++) {
                p.setBoolean(1, true);
                p.setInt(2, 7);
                p.setLong(3, 1L << 40);
                p.setDouble(4, 1.5);
                p.setString(5, "O'Neill é");
                p.setDate(6, Date.valueOf("2026-02-03"));
                p.setBigDecimal(7, new java.math.BigDecimal("12.50"));
                p.setNull(8, Types.VARCHAR);
                ResultSet r = p.executeQuery();
                same(r.next(), true);
                same(Arrays.asList(r.getBoolean(1), r.getInt(2), r.getLong(3), r.getDouble(4), r.getString(5), r.getDate(6).toString(), r.getBigDecimal(7).toString(), r.getString(8)),
                    Arrays.asList(true, 7, 1L << 40, 1.5, "O'Neill é", "2026-02-03", "12.50", null));
            }
        }
    }

    static void arrays(Asker a) throws Exception {
        try (Connection c = a.connect(); PreparedStatement p = c.prepareStatement("select count(*) from demo.hr_data where id = any(?)");
            Statement s = c.createStatement()) {
            p.setArray(1, c.createArrayOf("bigint", new Object[] {a.id(0), a.id(1), a.id(2)}));
            ResultSet r = p.executeQuery();
            same(r.next(), true);
            same(r.getLong(1), 3L);
            r = s.executeQuery("select period, scores, remarks from demo.reviews where employee_id = 7");
            same(r.next(), true);
            same(r.getDate(1).toString(), "2026-02-01");
            same(r.getString(2).replace(" ", ""), "{\"quality\":3,\"speed\":2}");
            same(Arrays.asList((Object[]) r.getArray(3).getArray()), List.of("on time", "helps others", "ask for more"));
        }
    }

    static void fetchSize(Asker a) throws Exception {
        try (Connection c = a.connect(); Statement s = c.createStatement()) {
            c.setAutoCommit(false);
            s.setFetchSize(37);
            sameStaff(s.executeQuery(STAFF), a, Integer.MAX_VALUE);
            s.setMaxRows(5);
            sameStaff(s.executeQuery(STAFF), a, 5);
            c.commit();
        }
    }

    static final String ENDLESS = "select count(*) from demo.hr_data a, demo.hr_data b, demo.hr_data c, demo.hr_data d where a.id + b.id + c.id + d.id = -1";

    static void queryTimeout(Asker a) throws Exception {
        try (Connection c = a.connect(); Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            refused("57014", x -> s.executeQuery(ENDLESS), a);
            s.setQueryTimeout(0);
            s.execute("set statement_timeout = 200");
            refused("57014", x -> s.executeQuery(ENDLESS), a);
            s.execute("set statement_timeout = 0");
            sameStaff(s.executeQuery(STAFF), a, Integer.MAX_VALUE);
        }
    }

    static void cancel(Asker a) throws Exception {
        try (Connection c = a.connect(); Statement s = c.createStatement()) {
            Thread canceller = new Thread(() -> {
                while (!Thread.interrupted()) { // a cancel that comes before the statement does nothing
                    try {
                        Thread.sleep(50);
                        s.cancel();
                    } catch (InterruptedException | SQLException e) {
                        return;
                    }
                }
            });
            canceller.start();
            refused("57014", x -> s.executeQuery(ENDLESS), a);
            canceller.interrupt();
            canceller.join();
        }
    }

    static void copyManager(Asker a) throws Exception {
        try (Connection c = a.connect()) {
            StringWriter out = new StringWriter();
            long n = c.unwrap(PGConnection.class).getCopyAPI().copyOut("copy (" + STAFF + ") to stdout with (format text)", out);
            same(n, (long) a.staff.size());
            List<List<String>> got = new ArrayList<>();
            for (String line : out.toString().split("\n")) {
                List<String> row = new ArrayList<>(Arrays.asList(line.split("\t")));
                row.set(3, row.get(3).matches("[0-9a-f]{16}") ? "#" : row.get(3));
                row.set(5, String.valueOf((long) Double.parseDouble(row.get(5))));
                got.add(row);
            }
            same(got, a.staff);
            refused("42P01", x -> c.unwrap(PGConnection.class).getCopyAPI().copyOut("copy demo.payroll to stdout", new StringWriter()), a);
        }
    }

    static void simpleProtocol(Asker a) throws Exception {
        try (Connection c = a.connect("preferQueryMode", "simple"); PreparedStatement p = c.prepareStatement("select id, dept from demo.hr_data where id = ? and dept = ?")) {
            p.setLong(1, a.id(4));
            p.setString(2, a.staff.get(4).get(4));
            ResultSet r = p.executeQuery();
            same(r.next(), true);
            same(r.getLong(1), a.id(4));
        }
    }

    static void errors(Asker a) throws Exception {
        try (Connection c = a.connect(); Statement s = c.createStatement()) {
            refused("0A000", x -> s.executeUpdate("delete from demo.hr_data"), a);
            refused("42703", x -> s.executeQuery("select nothing from demo.hr_data"), a);
            c.setAutoCommit(false);
            refused("42501", x -> s.executeQuery("select read_text('/etc/passwd')"), a);
            refused("25P02", x -> s.executeQuery("select 1"), a);
            c.rollback();
            sameStaff(s.executeQuery(STAFF), a, Integer.MAX_VALUE);
        }
    }
}
