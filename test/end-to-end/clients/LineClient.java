import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A JDBC client that is driven line by line: see ClientProgram in clients-program.ts. Each request
 * runs in a thread of its own.
 */
abstract class LineClient {
  private static final Map<String, LineClient> SESSIONS = new ConcurrentHashMap<>();
  private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  /** Makes one session. */
  interface Opening {
    LineClient open(boolean tls, String hold) throws SQLException;
  }

  abstract String run(String sql, List<String> values) throws SQLException;

  abstract void cancel() throws SQLException;

  /** What the driver can do beyond the story: a line each, "name: what came of it". */
  abstract String ways() throws Exception;

  abstract void close() throws SQLException;

  static String rowsOf(ResultSet result) throws SQLException {
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

  private static String perform(Opening opening, String verb, List<String> fields)
      throws Exception {
    String name = fields.get(0);
    if (verb.equals("open")) {
      SESSIONS.put(name, opening.open(fields.get(2).equals("tls"), fields.get(3)));
      return "";
    }
    LineClient session = SESSIONS.get(name);
    switch (verb) {
      case "run":
        return session.run(fields.get(1), fields.subList(2, fields.size()));
      case "cancel":
        session.cancel();
        return "";
      case "ways":
        return session.ways();
      case "close":
        session.close();
        return "";
      default:
        throw new IllegalArgumentException(verb);
    }
  }

  private static void serve(Opening opening, String id, String verb, List<String> fields) {
    try {
      answer(id, "rows", perform(opening, verb, fields));
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

  static void serve(Opening opening) throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      List<String> fields = new ArrayList<>();
      for (String field : line.split("\t", -1)) {
        fields.add(unescaped(field));
      }
      List<String> rest = fields.subList(2, fields.size());
      Thread thread = new Thread(() -> serve(opening, fields.get(0), fields.get(1), rest));
      thread.setDaemon(true);
      thread.start();
    }
  }
}
