/** The database that every conversation begins with; each run has a copy of its own. */
export const BASE = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TYPE pair AS (number integer, word text);
  CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
  CREATE TYPE floatrange AS RANGE (subtype = float8);
  CREATE TABLE people (
    id integer PRIMARY KEY, name varchar(10) NOT NULL, age integer CONSTRAINT grown CHECK (age >= 18),
    email text CONSTRAINT one_mailbox UNIQUE, mood mood DEFAULT 'ok', favourite positive);
  INSERT INTO people VALUES (1, 'Ada', 36, 'ada@example.com', 'happy', 7), (2, 'Bo', 20, NULL, 'sad', NULL);
  CREATE TABLE pets (
    id integer PRIMARY KEY, owner integer CONSTRAINT owned REFERENCES people DEFERRABLE, name text,
    span int4range, CONSTRAINT apart EXCLUDE USING gist (span WITH &&));
  INSERT INTO pets VALUES (1, 1, 'Rex', '[1,5)');
  CREATE TABLE numbers AS SELECT n, 'row ' || n AS word FROM generate_series(1, 500) n;
  CREATE TABLE notes (id integer, note text);
  CREATE TABLE parted (id integer, note text) PARTITION BY RANGE (id);
  CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
  CREATE VIEW adults AS SELECT id, name FROM people WHERE age >= 30 WITH CHECK OPTION;
  CREATE FUNCTION speak(level text, what text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      CASE level
        WHEN 'debug' THEN RAISE DEBUG '%', what;
        WHEN 'log' THEN RAISE LOG '%', what;
        WHEN 'info' THEN RAISE INFO '%', what;
        WHEN 'notice' THEN RAISE NOTICE '%', what;
        WHEN 'warning' THEN RAISE WARNING '%', what;
      END CASE;
    END $$;
  CREATE FUNCTION everything_wrong() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION USING MESSAGE = 'a message', DETAIL = 'a detail', HINT = 'a hint',
        ERRCODE = 'ZZ123', SCHEMA = 'a schema', TABLE = 'a table', COLUMN = 'a column',
        DATATYPE = 'a type', CONSTRAINT = 'a constraint';
    END $$;
  CREATE FUNCTION deep(n integer) RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN IF n = 0 THEN RETURN 1 / n; END IF; RETURN deep(n - 1); END $$;
  CREATE FUNCTION inner_query() RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE found integer; BEGIN EXECUTE 'SELECT nothing FROM people' INTO found; RETURN found; END $$;
  CREATE PROCEDURE commits_between() LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO notes VALUES (1, 'one'); COMMIT; INSERT INTO notes VALUES (2, 'two'); ROLLBACK; END $$;
  CREATE FUNCTION two_cursors() RETURNS SETOF refcursor LANGUAGE plpgsql AS $$
    DECLARE one refcursor := 'one'; two refcursor := 'two';
    BEGIN
      OPEN one FOR SELECT n FROM numbers ORDER BY n LIMIT 3; RETURN NEXT one;
      OPEN two FOR SELECT word FROM numbers ORDER BY n LIMIT 2; RETURN NEXT two;
    END $$;
  CREATE ROLE reader;
  GRANT SELECT (id, name) ON people TO reader;
`
