/** What every conversation finds; each run begins with it anew. */
export const BASE = `
  CREATE TABLE people (
    id int PRIMARY KEY, name varchar(10) NOT NULL, age int, email varchar(40),
    mood enum('sad', 'ok', 'happy') DEFAULT 'ok',
    CONSTRAINT grown CHECK (age >= 18), CONSTRAINT one_mailbox UNIQUE (email));
  CREATE TABLE pets (
    id int AUTO_INCREMENT PRIMARY KEY, owner int, name varchar(20),
    CONSTRAINT owned FOREIGN KEY (owner) REFERENCES people (id));
  CREATE TABLE numbers (n int PRIMARY KEY, word varchar(20));
  INSERT INTO numbers WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 500)
    SELECT n, concat('row ', n) FROM r;
  CREATE TABLE notes (id int, note text);
  CREATE TABLE logged (id int AUTO_INCREMENT PRIMARY KEY, what varchar(40));
  CREATE TRIGGER noted AFTER INSERT ON notes FOR EACH ROW
    INSERT INTO logged (what) VALUES (concat('noted ', NEW.id));
  CREATE VIEW adults AS SELECT id, name, age FROM people WHERE age >= 30 WITH CHECK OPTION;
  CREATE FUNCTION shout(what varchar(20)) RETURNS varchar(30) DETERMINISTIC
    RETURN concat(upper(what), '!');
  CREATE PROCEDURE two_results() BEGIN SELECT id, name FROM people; SELECT n FROM numbers WHERE n < 3; END;
  CREATE PROCEDURE no_result(IN what int) BEGIN INSERT INTO notes VALUES (what, 'called'); END;
  CREATE PROCEDURE gives_back(IN a int, OUT b int, INOUT c varchar(20))
    BEGIN SET b = a * 2; SET c = concat(c, '+'); SELECT a, b, c; END;
  CREATE PROCEDURE fails_late() BEGIN SELECT 1; SELECT nothing FROM people; END;
  CREATE PROCEDURE signals(IN state_of int) BEGIN
    CASE state_of
      WHEN 1 THEN SIGNAL SQLSTATE '01234' SET MESSAGE_TEXT = 'a warning', MYSQL_ERRNO = 4242;
      WHEN 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'an error', MYSQL_ERRNO = 5000;
      ELSE SIGNAL SQLSTATE '02000' SET MESSAGE_TEXT = 'not found';
    END CASE; END;
  CREATE PROCEDURE walks() BEGIN
    DECLARE found int; DECLARE done int DEFAULT 0;
    DECLARE c CURSOR FOR SELECT n FROM numbers WHERE n < 4;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1;
    OPEN c; l: LOOP FETCH c INTO found; IF done THEN LEAVE l; END IF; SELECT found; END LOOP; CLOSE c; END;
`

/** Run before each run: what conversations change. */
export const RESET = `
  SET foreign_key_checks = 0;
  TRUNCATE pets; TRUNCATE people; TRUNCATE notes; TRUNCATE logged;
  INSERT INTO people VALUES
    (1, 'Ada', 36, 'ada@example.com', 'happy'), (2, 'Bo', 20, NULL, 'sad'), (3, 'Öyvind', 44, '', 'ok');
  INSERT INTO pets (owner, name) VALUES (1, 'Rex'), (1, 'Tom');
  SET foreign_key_checks = 1;
  ANALYZE TABLE people, pets, notes, logged, numbers;
`
