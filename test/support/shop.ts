/** What the end-to-end tests work with: classified columns are customers.email and customers.ssn. */
export const SHOP = `
  CREATE TABLE customers (
    id integer PRIMARY KEY, name varchar(40) NOT NULL CHECK (name <> ''),
    email varchar(60) NOT NULL UNIQUE, ssn text NOT NULL);
  INSERT INTO customers VALUES
    (1, 'Ada', 'ada.marsh@x.test', '966-34-5008'), (2, 'Bo', 'bo.larsen@y.test', '965-87-5553');
  CREATE TABLE orders (id serial PRIMARY KEY, customer_id integer REFERENCES customers, total numeric(10,2));
  INSERT INTO orders (customer_id, total) VALUES (1, 10.50), (1, 20), (2, 5);
  CREATE TABLE scratch (id integer, note text);
  CREATE VIEW contacts AS SELECT id, name, email, upper(email) AS loud FROM customers;
`
