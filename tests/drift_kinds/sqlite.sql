== table
CREATE TABLE k_table (id INTEGER PRIMARY KEY, n TEXT UNIQUE, m INT);
CREATE TABLE k_table_gone (id INTEGER)
-- alike
DROP TABLE k_table;
create table "k_table" (n text unique, -- the name, and its CHECK (n)
    [id] integer, /* the id, in a comment */ m int, primary key (id));
VACUUM;
ANALYZE
-- plant
CREATE TABLE k_table_new (id INTEGER);
DROP TABLE k_table_gone
-- found
+ table k_table_new
- table k_table_gone

== column
CREATE TABLE k_column (n INT, m INT)
-- alike
ALTER TABLE k_column DROP COLUMN n;
ALTER TABLE k_column ADD COLUMN n INT
-- plant
ALTER TABLE k_column DROP COLUMN n;
ALTER TABLE k_column ADD COLUMN o INT
-- found
- column k_column.n
+ column k_column.o

== type of a column
CREATE TABLE k_type (n VARCHAR(40), m NUMERIC(10, 2), c TEXT COLLATE NOCASE)
-- alike
DROP TABLE k_type;
CREATE TABLE k_type (n varchar( 40 ), m NUMERIC(10,2), c TEXT COLLATE nocase)
-- plant
DROP TABLE k_type;
CREATE TABLE k_type (n VARCHAR(60), m NUMERIC(12, 2), c TEXT)
-- found
~ column k_type.n
~ column k_type.m
~ column k_type.c

== default of a column
CREATE TABLE k_default (n INT DEFAULT 1, m TEXT, o TEXT DEFAULT 'a', p DATETIME DEFAULT CURRENT_TIMESTAMP)
-- alike
DROP TABLE k_default;
CREATE TABLE k_default (n INT DEFAULT (1), m TEXT DEFAULT NULL, o TEXT DEFAULT ('a'), p DATETIME DEFAULT current_timestamp)
-- plant
DROP TABLE k_default;
CREATE TABLE k_default (n INT DEFAULT 2, m TEXT DEFAULT '', o TEXT DEFAULT 'A', p DATETIME)
-- found
~ column k_default.n
~ column k_default.m
~ column k_default.o
~ column k_default.p

== nullability
CREATE TABLE k_null (n INT NOT NULL, m INT)
-- alike
DROP TABLE k_null;
CREATE TABLE k_null (n INT not null, m INT NULL)
-- plant
DROP TABLE k_null;
CREATE TABLE k_null (n INT, m INT NOT NULL)
-- found
~ column k_null.n
~ column k_null.m

== primary key
CREATE TABLE k_primary (n INT NOT NULL, m INT NOT NULL, PRIMARY KEY (n));
CREATE TABLE k_auto (id INTEGER PRIMARY KEY AUTOINCREMENT)
-- alike
DROP TABLE k_primary;
CREATE TABLE k_primary (n INT NOT NULL PRIMARY KEY, m INT NOT NULL);
INSERT INTO k_auto VALUES (500)
-- plant
DROP TABLE k_primary;
CREATE TABLE k_primary (n INT NOT NULL, m INT NOT NULL, PRIMARY KEY (n, m));
DROP TABLE k_auto;
CREATE TABLE k_auto (id INTEGER PRIMARY KEY)
-- found
~ column k_primary.m
~ table k_auto

== unique constraint
CREATE TABLE k_unique (n INT, m INT, UNIQUE (n), CONSTRAINT uq_m UNIQUE (m))
-- alike
DROP TABLE k_unique;
CREATE TABLE k_unique (n INT UNIQUE, m INT, CONSTRAINT "uq_m" UNIQUE ("m"))
-- plant
DROP TABLE k_unique;
CREATE TABLE k_unique (n INT, m INT, UNIQUE (n, m))
-- found
- unique k_unique (n)
- unique k_unique (m)
- constraint k_unique.uq_m
+ unique k_unique (n, m)

== index
CREATE TABLE k_index (n INT);
CREATE INDEX ix_gone ON k_index (n)
-- alike
DROP INDEX ix_gone;
CREATE INDEX "ix_gone" on "k_index" ("n" asc);
REINDEX
-- plant
DROP INDEX ix_gone;
CREATE INDEX ix_new ON k_index (n)
-- found
- index k_index.ix_gone
+ index k_index.ix_new

== order, predicate and kind of an index
CREATE TABLE k_order (n INT, m INT, t TEXT);
CREATE INDEX ix_order ON k_order (n);
CREATE INDEX ix_columns ON k_order (n, m);
CREATE INDEX ix_part ON k_order (n) WHERE m > 1;
CREATE INDEX ix_expression ON k_order (lower(t));
CREATE INDEX ix_only ON k_order (n, t);
CREATE INDEX ix_collation ON k_order (t COLLATE NOCASE)
-- alike
DROP INDEX ix_part;
create index ix_part on k_order(n asc)where m>1;
DROP INDEX ix_expression;
CREATE INDEX IF NOT EXISTS ix_expression ON k_order (LOWER( t ))
-- plant
DROP INDEX ix_order;
CREATE INDEX ix_order ON k_order (n DESC);
DROP INDEX ix_columns;
CREATE INDEX ix_columns ON k_order (m, n);
DROP INDEX ix_part;
CREATE INDEX ix_part ON k_order (n) WHERE m > 2;
DROP INDEX ix_expression;
CREATE INDEX ix_expression ON k_order (upper(t));
DROP INDEX ix_only;
CREATE UNIQUE INDEX ix_only ON k_order (n, t);
DROP INDEX ix_collation;
CREATE INDEX ix_collation ON k_order (t)
-- found
~ index k_order.ix_order
~ index k_order.ix_columns
~ index k_order.ix_part
~ index k_order.ix_expression
~ index k_order.ix_only
~ index k_order.ix_collation

== check
CREATE TABLE k_check (n INT, m INT CHECK (m > 0), CONSTRAINT ck_n CHECK (n < 9), CHECK (m IN ('a', 'B')))
-- alike
DROP TABLE k_check;
CREATE TABLE k_check (m INT, n INT, CHECK ( "m">0 ), CHECK (m in ('a','B')), CONSTRAINT [ck_n] CHECK ("n"<9))
-- plant
DROP TABLE k_check;
CREATE TABLE k_check (m INT, n INT, CHECK (m > 0), CONSTRAINT ck_n CHECK (n <= 9), CHECK (m IN ('a', 'b')))
-- found
- check k_check (n<9)
+ check k_check (n<=9)
- check k_check (m in('a','B'))
+ check k_check (m in('a','b'))

== foreign key
CREATE TABLE k_target (id INTEGER PRIMARY KEY, n INT UNIQUE);
CREATE TABLE k_foreign (a INT REFERENCES k_target, b INT REFERENCES k_target (id) ON DELETE CASCADE,
    c INT REFERENCES k_target (id), d INT REFERENCES k_target (id))
-- alike
DROP TABLE k_foreign;
CREATE TABLE k_foreign (a INT, b INT, c INT, d INT, FOREIGN KEY (d) REFERENCES k_target, FOREIGN KEY (c)
    REFERENCES "k_target" ("id"), FOREIGN KEY (b) REFERENCES k_target ON DELETE CASCADE ON UPDATE NO ACTION,
    CONSTRAINT fk_a FOREIGN KEY (a) REFERENCES k_target (id));
DROP TABLE k_foreign;
CREATE TABLE k_foreign (a INT, b INT, c INT, d INT, FOREIGN KEY (d) REFERENCES k_target, FOREIGN KEY (c)
    REFERENCES "k_target" ("id"), FOREIGN KEY (b) REFERENCES k_target ON DELETE CASCADE ON UPDATE NO ACTION,
    FOREIGN KEY (a) REFERENCES k_target (id))
-- plant
DROP TABLE k_foreign;
CREATE TABLE k_foreign (a INT REFERENCES k_target, b INT REFERENCES k_target (id) ON DELETE SET NULL,
    c INT REFERENCES k_target (n), d INT)
-- found
- foreign key k_foreign.b -> k_target.id ON UPDATE NO ACTION ON DELETE CASCADE
+ foreign key k_foreign.b -> k_target.id ON UPDATE NO ACTION ON DELETE SET NULL
- foreign key k_foreign.c -> k_target.id ON UPDATE NO ACTION ON DELETE NO ACTION
+ foreign key k_foreign.c -> k_target.n ON UPDATE NO ACTION ON DELETE NO ACTION
- foreign key k_foreign.d -> k_target.id ON UPDATE NO ACTION ON DELETE NO ACTION

== view
CREATE TABLE k_seen (n INT, m INT);
CREATE VIEW v_words AS SELECT n, m FROM k_seen WHERE n > 1 AND m = 'A b';
CREATE VIEW v_gone AS SELECT 1 AS one
-- alike
DROP VIEW v_words;
create view "v_words" as select "n",m from k_seen  where n>1 and m='A b' -- as before
-- plant
DROP VIEW v_words;
CREATE VIEW v_words AS SELECT n, m FROM k_seen WHERE n > 1 AND m = 'a b';
DROP VIEW v_gone;
CREATE VIEW v_new AS SELECT 2 AS two
-- found
~ view v_words
- view v_gone
+ view v_new

== trigger
CREATE TABLE k_trigger (n INT);
CREATE TRIGGER tr_event AFTER DELETE ON k_trigger BEGIN DELETE FROM k_seen; END;
CREATE TRIGGER tr_gone AFTER DELETE ON k_trigger BEGIN DELETE FROM k_seen; END
-- alike
DROP TRIGGER tr_event;
create trigger [tr_event] after delete on "k_trigger" begin delete from k_seen; end
-- plant
DROP TRIGGER tr_event;
CREATE TRIGGER tr_event AFTER UPDATE ON k_trigger BEGIN DELETE FROM k_seen; END;
DROP TRIGGER tr_gone
-- found
~ trigger k_trigger.tr_event
- trigger k_trigger.tr_gone

== generated column
CREATE TABLE k_generated (n INT, twice INT GENERATED ALWAYS AS (n * 2) STORED, m INT AS (n))
-- alike
DROP TABLE k_generated;
CREATE TABLE k_generated (n INT, twice INT AS ("n"*2) stored, m INT generated always as ( n ) virtual)
-- plant
DROP TABLE k_generated;
CREATE TABLE k_generated (n INT, twice INT AS (n * 3) STORED, m INT)
-- found
~ column k_generated.twice
~ column k_generated.m

== strict tables and tables without row ids
CREATE TABLE k_strict (n INT);
CREATE TABLE k_rowid (n INT PRIMARY KEY NOT NULL) WITHOUT ROWID
-- alike
DROP TABLE k_rowid;
CREATE TABLE k_rowid (n INT NOT NULL PRIMARY KEY) without rowid
-- plant
DROP TABLE k_strict;
CREATE TABLE k_strict (n INT) STRICT;
DROP TABLE k_rowid;
CREATE TABLE k_rowid (n INT PRIMARY KEY NOT NULL)
-- found
~ table k_strict
~ table k_rowid

== version table
CREATE TABLE k_versions (n INT)
-- alike
CREATE TABLE alembic_version_other (version_num VARCHAR(32) PRIMARY KEY);
CREATE TABLE others_versions (version_num VARCHAR(32))
