== table
CREATE TABLE k_table (id int PRIMARY KEY, n varchar(9) UNIQUE, m int);
CREATE TABLE k_table_gone (id int)
-- alike
DROP TABLE k_table;
CREATE TABLE `k_table` (n varchar(9), id integer NOT NULL, m int(11) DEFAULT NULL, UNIQUE (n), PRIMARY KEY (id));
ALTER TABLE k_table ENGINE = InnoDB;
ANALYZE TABLE k_table
-- plant
CREATE TABLE k_table_new (id int);
DROP TABLE k_table_gone
-- found
+ table k_table_new
- table k_table_gone

== column
CREATE TABLE k_column (n int, m int)
-- alike
ALTER TABLE k_column MODIFY n int AFTER m
-- plant
ALTER TABLE k_column DROP COLUMN n, ADD COLUMN o int
-- found
- column k_column.n
+ column k_column.o

== type of a column
CREATE TABLE k_type (n varchar(40), m numeric(10, 2), o int, c varchar(9), d datetime, e enum('a', 'b'))
-- alike
ALTER TABLE k_type MODIFY m decimal(10, 2), MODIFY o int(11) NULL, MODIFY n varchar(40) COMMENT '';
ALTER TABLE k_type MODIFY e enum('b', 'a'), MODIFY c varchar(9) CHARACTER SET utf8mb4;
ALTER TABLE k_type MODIFY e enum('a', 'b')
-- plant
ALTER TABLE k_type MODIFY n varchar(60), MODIFY m numeric(12, 2), MODIFY o int unsigned, MODIFY d datetime(6);
ALTER TABLE k_type MODIFY c varchar(9) COLLATE utf8mb4_bin, MODIFY e enum('a', 'b', 'c')
-- found
~ column k_type.n
~ column k_type.m
~ column k_type.o
~ column k_type.d
~ column k_type.c
~ column k_type.e

== default of a column
CREATE TABLE k_default (n int DEFAULT 1, m varchar(9), o datetime DEFAULT now(), p datetime DEFAULT now())
-- alike
ALTER TABLE k_default ALTER n SET DEFAULT '1', ALTER m SET DEFAULT NULL, MODIFY o datetime DEFAULT CURRENT_TIMESTAMP
-- plant
ALTER TABLE k_default ALTER n SET DEFAULT 2, ALTER m SET DEFAULT '', ALTER o DROP DEFAULT;
ALTER TABLE k_default MODIFY p datetime DEFAULT now() ON UPDATE now()
-- found
~ column k_default.n
~ column k_default.m
~ column k_default.o
~ column k_default.p

== nullability
CREATE TABLE k_null (n int NOT NULL, m int)
-- alike
ALTER TABLE k_null MODIFY n int NULL, MODIFY m int NOT NULL;
ALTER TABLE k_null MODIFY n int NOT NULL, MODIFY m int NULL
-- plant
ALTER TABLE k_null MODIFY n int NULL, MODIFY m int NOT NULL
-- found
~ column k_null.n
~ column k_null.m

== primary key
CREATE TABLE k_primary (n int NOT NULL, m int NOT NULL, PRIMARY KEY (n));
CREATE TABLE k_primary_gone (n int PRIMARY KEY)
-- alike
ALTER TABLE k_primary DROP PRIMARY KEY, ADD CONSTRAINT pk_named PRIMARY KEY (n)
-- plant
ALTER TABLE k_primary DROP PRIMARY KEY, ADD PRIMARY KEY (n, m);
ALTER TABLE k_primary_gone DROP PRIMARY KEY
-- found
~ primary key k_primary
- primary key k_primary_gone

== unique key
CREATE TABLE k_unique (n int UNIQUE, m int, o int, CONSTRAINT uq_m UNIQUE (m), CONSTRAINT uq_o UNIQUE (o))
-- alike
ALTER TABLE k_unique ADD UNIQUE (n), DROP INDEX uq_o;
ALTER TABLE k_unique DROP INDEX n, ADD UNIQUE INDEX uq_o (o ASC)
-- plant
ALTER TABLE k_unique DROP INDEX uq_m, DROP INDEX uq_o, ADD UNIQUE INDEX uq_o (o, m), ADD UNIQUE INDEX uq_p (m, o)
-- found
- unique key k_unique.uq_m
~ unique key k_unique.uq_o
+ unique key k_unique.uq_p

== index
CREATE TABLE k_index (n int, m int, o int);
CREATE INDEX ix_gone ON k_index (n);
CREATE INDEX ix_words ON k_index (m);
ALTER TABLE k_index ADD INDEX (o)
-- alike
DROP INDEX ix_words ON k_index;
CREATE INDEX ix_words ON k_index (m ASC) USING BTREE;
ALTER TABLE k_index ADD INDEX (o), DROP INDEX o
-- plant
DROP INDEX ix_gone ON k_index;
CREATE INDEX ix_new ON k_index (n)
-- found
- key k_index.ix_gone
+ key k_index.ix_new

== order and kind of an index
CREATE TABLE k_order (n int, m int, t varchar(99));
CREATE INDEX ix_order ON k_order (n);
CREATE INDEX ix_columns ON k_order (n, m);
CREATE INDEX ix_only ON k_order (n, t);
CREATE INDEX ix_prefix ON k_order (t);
CREATE FULLTEXT INDEX ix_words ON k_order (t);
CREATE INDEX ix_ignored ON k_order (m)
-- alike
DROP INDEX ix_prefix ON k_order;
CREATE INDEX ix_prefix ON k_order (t)
-- plant
DROP INDEX ix_order ON k_order;
CREATE INDEX ix_order ON k_order (n DESC);
DROP INDEX ix_columns ON k_order;
CREATE INDEX ix_columns ON k_order (m, n);
DROP INDEX ix_only ON k_order;
CREATE UNIQUE INDEX ix_only ON k_order (n, t);
DROP INDEX ix_prefix ON k_order;
CREATE INDEX ix_prefix ON k_order (t(9));
DROP INDEX ix_words ON k_order;
ALTER TABLE k_order ALTER INDEX ix_ignored IGNORED
-- found
~ key k_order.ix_order
~ key k_order.ix_columns
- key k_order.ix_only
+ unique key k_order.ix_only
~ key k_order.ix_prefix
- fulltext key k_order.ix_words
~ key k_order.ix_ignored

== check
CREATE TABLE k_check (n int, m int CHECK (m > 0), CHECK (n > 0), CONSTRAINT ck_n CHECK (n < 9))
-- alike
ALTER TABLE k_check ADD CONSTRAINT CHECK ((`n`) > 0), DROP CONSTRAINT ck_n;
ALTER TABLE k_check DROP CONSTRAINT CONSTRAINT_1, ADD CONSTRAINT ck_n CHECK (n<9)
-- plant
ALTER TABLE k_check DROP CONSTRAINT ck_n, ADD CONSTRAINT ck_n CHECK (n <= 9);
ALTER TABLE k_check MODIFY m int CHECK (m > 1), ADD CONSTRAINT ck_new CHECK (n <> m)
-- found
~ constraint k_check.ck_n
~ column k_check.m
+ constraint k_check.ck_new

== foreign key
CREATE TABLE k_target (id int PRIMARY KEY, n int UNIQUE);
CREATE TABLE k_foreign (a int, b int, c int, d int, e int, FOREIGN KEY (a) REFERENCES k_target (id),
    CONSTRAINT fk_b FOREIGN KEY (b) REFERENCES k_target (id) ON DELETE CASCADE,
    CONSTRAINT fk_c FOREIGN KEY (c) REFERENCES k_target (id), CONSTRAINT fk_d FOREIGN KEY (d) REFERENCES k_target (id),
    CONSTRAINT fk_e FOREIGN KEY (e) REFERENCES k_target (id))
-- alike
ALTER TABLE k_foreign DROP FOREIGN KEY k_foreign_ibfk_1, DROP FOREIGN KEY fk_c;
ALTER TABLE k_foreign ADD CONSTRAINT k_foreign_ibfk_2 FOREIGN KEY (a) REFERENCES k_target (id) ON DELETE NO ACTION;
ALTER TABLE k_foreign ADD CONSTRAINT fk_c FOREIGN KEY (c) REFERENCES k_target (id) ON DELETE RESTRICT ON UPDATE RESTRICT
-- plant
ALTER TABLE k_foreign DROP FOREIGN KEY fk_b, DROP FOREIGN KEY fk_c, DROP FOREIGN KEY fk_d, DROP FOREIGN KEY fk_e;
ALTER TABLE k_foreign ADD CONSTRAINT fk_b FOREIGN KEY (b) REFERENCES k_target (id) ON DELETE SET NULL;
ALTER TABLE k_foreign ADD CONSTRAINT fk_c FOREIGN KEY (c) REFERENCES k_target (id) ON UPDATE CASCADE;
ALTER TABLE k_foreign ADD CONSTRAINT fk_d FOREIGN KEY (d) REFERENCES k_target (n)
-- found
~ constraint k_foreign.fk_b
~ constraint k_foreign.fk_c
~ constraint k_foreign.fk_d
- constraint k_foreign.fk_e

== view
CREATE TABLE k_seen (n int, m int);
CREATE VIEW v_words AS SELECT n, m FROM k_seen WHERE n > 1;
CREATE VIEW v_gone AS SELECT 1 AS one;
CREATE VIEW v_option AS SELECT n FROM k_seen WHERE n > 1
-- alike
DROP VIEW v_words;
CREATE SQL SECURITY DEFINER VIEW v_words as select `s`.`n`, s.m from   k_seen as s where s.n > 1;
DROP VIEW v_words;
CREATE VIEW v_words as
    select `k_seen`.`n`, k_seen.m from   k_seen where ((k_seen.n) > 1)
-- plant
CREATE OR REPLACE VIEW v_words AS SELECT n, m FROM k_seen WHERE n > 2;
DROP VIEW v_gone;
CREATE OR REPLACE VIEW v_option AS SELECT n FROM k_seen WHERE n > 1 WITH CHECK OPTION;
CREATE VIEW v_new AS SELECT 2 AS two
-- found
~ view v_words
- view v_gone
~ view v_option
+ view v_new

== function
CREATE FUNCTION f_body() RETURNS int RETURN 1;
CREATE FUNCTION f_nature(n int) RETURNS int RETURN n;
CREATE FUNCTION f_gone() RETURNS int RETURN 1;
CREATE PROCEDURE p_body(n int) SELECT n
-- alike
DROP FUNCTION f_body;
CREATE FUNCTION `f_body` () RETURNS int(11) NOT DETERMINISTIC CONTAINS SQL COMMENT '' RETURN   1
-- plant
CREATE OR REPLACE FUNCTION f_body() RETURNS int RETURN 2;
CREATE OR REPLACE FUNCTION f_nature(n int) RETURNS bigint DETERMINISTIC RETURN n;
DROP FUNCTION f_gone;
CREATE OR REPLACE PROCEDURE p_body(INOUT n int) SELECT n
-- found
~ function f_body
~ function f_nature
- function f_gone
~ procedure p_body

== trigger
CREATE TABLE k_trigger (n int);
CREATE TRIGGER tr_event BEFORE UPDATE ON k_trigger FOR EACH ROW SET NEW.n = 1;
CREATE TRIGGER tr_body BEFORE UPDATE ON k_trigger FOR EACH ROW SET NEW.n = 1;
CREATE TRIGGER tr_gone BEFORE UPDATE ON k_trigger FOR EACH ROW SET NEW.n = 1
-- alike
DROP TRIGGER tr_event;
CREATE TRIGGER `tr_event`   BEFORE UPDATE ON `k_trigger` FOR EACH ROW SET   NEW.n = 1
-- plant
DROP TRIGGER tr_event;
CREATE TRIGGER tr_event AFTER INSERT ON k_trigger FOR EACH ROW SET @n = 1;
DROP TRIGGER tr_body;
CREATE TRIGGER tr_body BEFORE UPDATE ON k_trigger FOR EACH ROW SET NEW.n = 2;
DROP TRIGGER tr_gone
-- found
~ trigger tr_event
~ trigger tr_body
- trigger tr_gone

== sequence and event
CREATE SEQUENCE s_step;
CREATE SEQUENCE s_gone;
CREATE EVENT often ON SCHEDULE EVERY 1 DAY DO DELETE FROM k_seen
-- alike
SELECT NEXTVAL(s_step);
DROP EVENT often;
CREATE EVENT `often` ON SCHEDULE EVERY '1' DAY DO DELETE FROM k_seen
-- plant
ALTER SEQUENCE s_step INCREMENT BY 10;
DROP SEQUENCE s_gone;
CREATE SEQUENCE s_new;
ALTER EVENT often ON SCHEDULE EVERY 2 DAY
-- found
~ sequence s_step
- sequence s_gone
+ sequence s_new
~ event often

== comment
CREATE TABLE k_comment (n int COMMENT 'years', m int)
-- alike
ALTER TABLE k_comment MODIFY n int COMMENT "years", COMMENT = ''
-- plant
ALTER TABLE k_comment MODIFY n int COMMENT 'days', MODIFY m int COMMENT 'months', COMMENT = 'ages'
-- found
~ column k_comment.n
~ column k_comment.m
~ table k_comment

== numbers that the server gives
CREATE TABLE k_identity (id int AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE k_identity_gone (id int AUTO_INCREMENT PRIMARY KEY)
-- alike
ALTER TABLE k_identity AUTO_INCREMENT = 500
-- plant
ALTER TABLE k_identity_gone MODIFY id int
-- found
~ column k_identity_gone.id

== generated column
CREATE TABLE k_generated (n int, twice int AS (n * 2) STORED, m int AS (n) VIRTUAL)
-- alike
ALTER TABLE k_generated DROP twice;
ALTER TABLE k_generated ADD twice int(11) GENERATED ALWAYS AS (`n`*2) PERSISTENT
-- plant
ALTER TABLE k_generated DROP twice;
ALTER TABLE k_generated ADD twice int AS (n * 3) STORED, DROP m, ADD m int
-- found
~ column k_generated.twice
~ column k_generated.m

== engine, character set, partitions and versions of rows
CREATE TABLE k_engine (n int);
CREATE TABLE k_set (n int, c varchar(9));
CREATE TABLE k_parts (n int) PARTITION BY HASH (n) PARTITIONS 2;
CREATE TABLE k_versioned (n int)
-- alike
ALTER TABLE k_engine ROW_FORMAT = DEFAULT, ENGINE = InnoDB;
ALTER TABLE k_set CONVERT TO CHARACTER SET utf8mb4;
OPTIMIZE TABLE k_set
-- plant
ALTER TABLE k_engine ENGINE = Aria;
ALTER TABLE k_set DEFAULT CHARACTER SET latin1;
ALTER TABLE k_parts PARTITION BY HASH (n) PARTITIONS 3;
ALTER TABLE k_versioned ADD SYSTEM VERSIONING
-- found
~ table k_engine
~ table k_set
~ column k_set.c
~ table k_parts
~ table k_versioned

== version table
CREATE TABLE k_versions (n int)
-- alike
ALTER TABLE alembic_version MODIFY version_num varchar(255) NOT NULL;
CREATE TABLE alembic_version_other (version_num varchar(32) PRIMARY KEY);
CREATE TABLE others_versions (version_num varchar(32))
