import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/**
 * The JDBC driver, driven line by line: see ClientProgram in clients-program.ts. Each request runs
 * in a thread of its own.
 */
public final class JdbcClient {
  private static final Map<String, JdbcClient> SESSIONS = new ConcurrentHashMap<>();
  private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  private final Connection connection;
  /** Kept by their text, so that the driver gives those asked often a name on the server. */
  private final Map<String, PreparedStatement> prepared = new ConcurrentHashMap<>();
  private volatile Statement running;

  private JdbcClient(boolean tls, String hold) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("sslmode", tls ? "verify-full" : "disable");
    properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    if (!hold.isEmpty()) {
      properties.setProperty("options", "-c countersign.hold=" + hold);
    }
    String url =
        "jdbc:postgresql://localhost:" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    connection = DriverManager.getConnection(url, properties);
  }

  private String run(String sql, List<String> values) throws SQLException {
    String text = sql.replaceAll("\\$\\d", "?");
    PreparedStatement statement = prepared.get(text);
    if (statement == null) {
      statement = connection.prepareStatement(text);
      prepared.put(text, statement);
    }
    for (int i = 0; i < values.size(); i++) {
      String value = values.get(i).substring(1);
      if (values.get(i).charAt(0) == 'n') {
        statement.setInt(i + 1, Integer.parseInt(value));
      } else {
        statement.setString(i + 1, value);
      }
    }
    running = statement;
    return statement.execute() ? rowsOf(statement.getResultSet()) : "";
  }

  private String query(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.execute(sql) ? rowsOf(statement.getResultSet()) : "";
    }
  }

  private static String rowsOf(ResultSet result) throws SQLException {
    List<String> rows = new ArrayList<>();
    int columns = result.getMetaData().getColumnCount();
    while (result.next()) {
      List<String> cells = new ArrayList<>();
      for (int column = 1; column <= columns; column++) {
        String cell = result.getString(column);
        cells.add(cell == null ? "NULL" : cell);
      }
      rows.add(String.join("|", cells));
    }
    return String.join(";", rows);
  }

  private String ways() throws Exception {
    Map<String, String> found = new LinkedHashMap<>();
    found.put("valid", String.valueOf(connection.isValid(5)));
    found.put("several statements", several());
    found.put("portions", portions());
    found.put("often", often());
    found.put("batch", batch());
    found.put("generated", generated());
    found.put("time limit", timeLimit());
    found.put("savepoint", savepoint());
    found.put("copy", copy());
    found.put("metadata", metadata());
    found.put("notify", heard());
    return found.entrySet().stream()
        .map(each -> each.getKey() + ": " + each.getValue())
        .collect(Collectors.joining("\n"));
  }

  /** One string becomes several Parse/Bind/Execute before one Sync. */
  private String several() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("SELECT 1; SELECT email FROM customers WHERE id = 1; SELECT 3");
      List<String> all = new ArrayList<>();
      do {
        all.add(rowsOf(statement.getResultSet()));
      } while (statement.getMoreResults());
      return String.join(",", all);
    }
  }

  /** A portal that is read in portions of one row, in a transaction. */
  private String portions() throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(1);
      return rowsOf(statement.executeQuery("SELECT id, email FROM customers ORDER BY id"));
    } finally {
      connection.commit();
      connection.setAutoCommit(true);
    }
  }

  /** From the fifth time on the driver binds S_n without a Describe, in mixed formats. */
  private String often() throws SQLException {
    String sql = "SELECT id, email, now() > 'epoch', 1.5::float8 FROM customers WHERE id = ?";
    List<String> all = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < 12; i++) {
        statement.setInt(1, 1);
        all.add(rowsOf(statement.executeQuery()));
      }
    }
    return String.join(",", all.stream().distinct().toList());
  }

  private String batch() throws SQLException {
    String sql = "INSERT INTO scratch VALUES (?, 'batch')";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < 20; i++) {
        statement.setInt(1, i);
        statement.addBatch();
      }
      statement.executeBatch();
    }
    return query("SELECT count(*) FROM scratch WHERE note = 'batch'");
  }

  private String generated() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      String sql = "INSERT INTO orders (customer_id, total) VALUES (2, 1)";
      statement.executeUpdate(sql, Statement.RETURN_GENERATED_KEYS);
      return rowsOf(statement.getGeneratedKeys()).endsWith("|2|1.00") ? "known" : "unknown";
    }
  }

  /** The driver cancels by itself, on a second connection. */
  private String timeLimit() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      statement.execute("SELECT pg_sleep(60)");
      return "no limit";
    } catch (SQLException error) {
      return error.getSQLState() + " then " + query("SELECT 6");
    }
  }

  private String savepoint() throws SQLException {
    connection.setAutoCommit(false);
    try {
      query("INSERT INTO scratch VALUES (1, 'kept')");
      java.sql.Savepoint point = connection.setSavepoint();
      try {
        query("SELECT 1/0");
      } catch (SQLException error) {
        connection.rollback(point);
      }
      connection.commit();
    } finally {
      connection.setAutoCommit(true);
    }
    return query("SELECT count(*) FROM scratch WHERE note = 'kept'");
  }

  private String copy() throws Exception {
    connection
        .unwrap(PGConnection.class)
        .getCopyAPI()
        .copyIn("COPY scratch FROM STDIN", new StringReader("1\tcopied\n2\tcopied\n"));
    return query("SELECT count(*) FROM scratch WHERE note = 'copied'");
  }

  private String metadata() throws SQLException {
    String columns = rowsOf(connection.getMetaData().getColumns(null, "public", "orders", "%"));
    return String.valueOf(columns.split(";").length);
  }

  private String heard() throws SQLException {
    query("LISTEN news");
    query("NOTIFY news, 'read all about it'");
    PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(5000);
    return heard[0].getParameter();
  }

  private static String perform(String verb, List<String> fields) throws Exception {
    String name = fields.get(0);
    if (verb.equals("open")) {
      SESSIONS.put(name, new JdbcClient(fields.get(2).equals("tls"), fields.get(3)));
      return "";
    }
    JdbcClient session = SESSIONS.get(name);
    switch (verb) {
      case "run":
        return session.run(fields.get(1), fields.subList(2, fields.size()));
      case "cancel":
        session.running.cancel();
        return "";
      case "ways":
        return session.ways();
      case "close":
        session.connection.close();
        return "";
      default:
        throw new IllegalArgumentException(verb);
    }
  }

  private static void serve(String id, String verb, List<String> fields) {
    try {
      answer(id, "rows", perform(verb, fields));
    } catch (SQLException error) {
      answer(id, "error", String.valueOf(error.getSQLState()), String.valueOf(error.getMessage()));
    } catch (Exception error) {
      StringWriter trace = new StringWriter();
      error.printStackTrace(new PrintWriter(trace));
      answer(id, "broken", trace.toString());
    }
  }

  private static synchronized void answer(String... fields) {
    List<String> all = new ArrayList<>();
    for (String field : fields) {
      all.add(field.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n"));
    }
    OUT.println(String.join("\t", all));
    OUT.flush();
  }

  private static String unescaped(String field) {
    StringBuilder text = new StringBuilder();
    for (int at = 0; at < field.length(); at++) {
      char letter = field.charAt(at);
      if (letter != '\\') {
        text.append(letter);
        continue;
      }
      char next = field.charAt(++at);
      text.append(next == 't' ? '\t' : next == 'n' ? '\n' : next);
    }
    return text.toString();
  }

  public static void main(String[] arguments) throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      List<String> fields = new ArrayList<>();
      for (String field : line.split("\t", -1)) {
        fields.add(unescaped(field));
      }
      List<String> rest = fields.subList(2, fields.size());
      Thread thread = new Thread(() -> serve(fields.get(0), fields.get(1), rest));
      thread.setDaemon(true);
      thread.start();
    }
  }
}
