import java.io.StringReader;
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

/** PostgreSQL's JDBC driver. */
public final class JdbcClient extends LineClient {
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

  @Override
  String run(String sql, List<String> values) throws SQLException {
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

  @Override
  void cancel() throws SQLException {
    running.cancel();
  }

  @Override
  void close() throws SQLException {
    connection.close();
  }

  @Override
  String ways() throws Exception {
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

  public static void main(String[] arguments) throws Exception {
    LineClient.serve(JdbcClient::new);
  }
}
