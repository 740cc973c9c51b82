-- A small blog. MySQL's image runs it once, in the database blog, of which the user app may do all.

CREATE TABLE users (
  id    int PRIMARY KEY,
  name  varchar(80) NOT NULL,
  email varchar(120) NOT NULL UNIQUE
);

CREATE TABLE posts (
  id        int PRIMARY KEY AUTO_INCREMENT,
  author_id int NOT NULL,
  title     varchar(200) NOT NULL,
  body      text NOT NULL,
  FOREIGN KEY (author_id) REFERENCES users (id)
);

INSERT INTO users VALUES
  (1, 'Ana', 'ana@example.com'),
  (2, 'Bo', 'bo@example.com'),
  (3, 'Chen', 'chen@example.com');

INSERT INTO posts (author_id, title, body) VALUES
  (1, 'Hello', 'The first post.'),
  (2, 'On waiting', 'A statement that waits has not run.'),
  (3, 'On signing', 'Read the whole of it first.');
