import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** MariaDB's JDBC driver. Statements with parameters are prepared on the server. */
public final class MariadbJdbcClient extends LineClient {
  /** Our code stands at the beginning of the server's text; the driver puts its words before. */
  private static final Pattern OWN_CODE = Pattern.compile("(?:^|[ )])([0-9A-Z]{5}): ");

  private final Connection connection;
  private volatile Statement running;

  private MariadbJdbcClient(boolean tls, String hold) throws SQLException {
    Properties properties = new Properties();
    // It can't say how long it waits at most, so there is an agent that never does.
    properties.setProperty("user", hold.isEmpty() ? "bot" : "hasty");
    String password = hold.isEmpty() ? "DB_PASSWORD" : "DB_HASTY_PASSWORD";
    properties.setProperty("password", System.getenv(password));
    properties.setProperty("useServerPrepStmts", "true");
    properties.setProperty("allowMultiQueries", "true");
    if (tls) {
      properties.setProperty("useSsl", "true");
      properties.setProperty("serverSslCert", System.getenv("DB_CA"));
    }
    String url = "jdbc:mariadb://127.0.0.1:" + System.getenv("DB_PORT") + "/shop";
    connection = DriverManager.getConnection(url, properties);
  }

  @Override
  String run(String sql, List<String> values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql.replaceAll("\\$\\d", "?"))) {
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
    } catch (SQLException error) {
      Matcher own = OWN_CODE.matcher(error.getMessage());
      throw own.find() ? new SQLException(error.getMessage(), own.group(1)) : error;
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

  private String query(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.execute(sql) ? rowsOf(statement.getResultSet()) : "";
    }
  }

  @Override
  String ways() throws SQLException {
    Map<String, String> found = new LinkedHashMap<>();
    found.put("valid", String.valueOf(connection.isValid(5)));
    found.put("several statements", several());
    found.put("portions", portions());
    found.put("batch", batch());
    found.put("generated", generated());
    found.put("time limit", timeLimit());
    found.put("savepoint", savepoint());
    found.put("metadata", metadata());
    return found.entrySet().stream()
        .map(each -> each.getKey() + ": " + each.getValue())
        .collect(Collectors.joining("\n"));
  }

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

  /** Rows are read from the connection as they are asked for. */
  private String portions() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(1);
      return rowsOf(statement.executeQuery("SELECT id, email FROM customers ORDER BY id"));
    }
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
      return rowsOf(statement.getGeneratedKeys()).matches("\\d+") ? "known" : "unknown";
    }
  }

  /** The driver kills the query by itself, on a second connection. */
  private String timeLimit() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      statement.execute("SELECT id, sleep(60) FROM orders");
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
      query("INSERT INTO scratch VALUES (2, 'not kept')");
      connection.rollback(point);
      connection.commit();
    } finally {
      connection.setAutoCommit(true);
    }
    return query("SELECT note FROM scratch WHERE note LIKE '%kept'");
  }

  private String metadata() throws SQLException {
    String columns = rowsOf(connection.getMetaData().getColumns("shop", null, "orders", "%"));
    return String.valueOf(columns.split(";").length);
  }

  public static void main(String[] arguments) throws Exception {
    LineClient.serve(MariadbJdbcClient::new);
  }
}
