== table
CREATE TABLE k_table (id int PRIMARY KEY, n text UNIQUE, m int);
CREATE TABLE k_table_gone (id int)
-- alike
DROP TABLE k_table;
CREATE TABLE k_table (n text, id int, m integer, UNIQUE (n), PRIMARY KEY (id))
-- plant
CREATE TABLE k_table_new (id int);
DROP TABLE k_table_gone
-- found
+ table k_table_new
- table k_table_gone

== column
CREATE TABLE k_column (n int, m int)
-- alike
ALTER TABLE k_column DROP COLUMN n;
ALTER TABLE k_column ADD COLUMN n int
-- plant
ALTER TABLE k_column DROP COLUMN n;
ALTER TABLE k_column ADD COLUMN o int
-- found
- column k_column.n
+ column k_column.o

== type of a column
CREATE TABLE k_type (n varchar(40), m numeric(10, 2), t timestamp, c text, a int[])
-- alike
ALTER TABLE k_type ALTER n TYPE text, ALTER m TYPE decimal(10, 2), ALTER a TYPE int ARRAY;
ALTER TABLE k_type ALTER n TYPE character varying(40), ALTER c SET STATISTICS 500, ALTER c SET STORAGE EXTERNAL
-- plant
ALTER TABLE k_type ALTER n TYPE varchar(60), ALTER m TYPE numeric(12, 2), ALTER t TYPE timestamptz;
ALTER TABLE k_type ALTER c TYPE text COLLATE "C", ALTER a TYPE bigint[]
-- found
~ column k_type.n
~ column k_type.m
~ column k_type.t
~ column k_type.c
~ column k_type.a

== default of a column
CREATE TABLE k_default (n int DEFAULT 1, m text, o timestamp DEFAULT now(), p varchar(9) DEFAULT 'a')
-- alike
ALTER TABLE k_default ALTER n SET DEFAULT '1', ALTER m SET DEFAULT NULL, ALTER p SET DEFAULT 'a'
-- plant
ALTER TABLE k_default ALTER n SET DEFAULT 2, ALTER m SET DEFAULT '', ALTER o DROP DEFAULT, ALTER p SET DEFAULT 'A'
-- found
~ column k_default.n
~ column k_default.m
~ column k_default.o
~ column k_default.p

== nullability
CREATE TABLE k_null (n int NOT NULL, m int)
-- alike
ALTER TABLE k_null ALTER n DROP NOT NULL, ALTER m SET NOT NULL;
ALTER TABLE k_null ALTER n SET NOT NULL, ALTER m DROP NOT NULL
-- plant
ALTER TABLE k_null ALTER n DROP NOT NULL, ALTER m SET NOT NULL
-- found
~ column k_null.n
~ column k_null.m

== primary key
CREATE TABLE k_primary (n int NOT NULL, m int NOT NULL, PRIMARY KEY (n));
CREATE TABLE k_primary_gone (n int PRIMARY KEY)
-- alike
ALTER TABLE k_primary DROP CONSTRAINT k_primary_pkey;
ALTER TABLE k_primary ADD CONSTRAINT k_primary_pkey1 PRIMARY KEY (n)
-- plant
ALTER TABLE k_primary DROP CONSTRAINT k_primary_pkey1, ADD CONSTRAINT k_primary_pkey PRIMARY KEY (n, m);
ALTER TABLE k_primary_gone DROP CONSTRAINT k_primary_gone_pkey
-- found
~ constraint k_primary.k_primary_pkey
- constraint k_primary_gone.k_primary_gone_pkey

== unique constraint
CREATE TABLE k_unique (n int UNIQUE, m int, o int, CONSTRAINT uq_m UNIQUE (m), CONSTRAINT uq_o UNIQUE (o))
-- alike
ALTER TABLE k_unique DROP CONSTRAINT k_unique_n_key, DROP CONSTRAINT uq_o;
ALTER TABLE k_unique ADD CONSTRAINT k_unique_n_key1 UNIQUE (n), ADD CONSTRAINT uq_o UNIQUE (o)
-- plant
ALTER TABLE k_unique DROP CONSTRAINT uq_m, DROP CONSTRAINT uq_o;
ALTER TABLE k_unique ADD CONSTRAINT uq_o UNIQUE NULLS NOT DISTINCT (o), ADD CONSTRAINT uq_p UNIQUE (m, o)
-- found
- constraint k_unique.uq_m
~ constraint k_unique.uq_o
+ constraint k_unique.uq_p

== index
CREATE TABLE k_index (n int, m int);
CREATE INDEX ix_gone ON k_index (n);
CREATE INDEX ON k_index (m)
-- alike
DROP INDEX ix_gone, k_index_m_idx;
CREATE INDEX ix_gone ON k_index (n);
CREATE INDEX k_index_m_idx1 ON k_index (m);
REINDEX TABLE k_index
-- plant
DROP INDEX ix_gone;
CREATE INDEX ix_new ON k_index (n)
-- found
- index k_index.ix_gone
+ index k_index.ix_new

== order, predicate and kind of an index
CREATE TABLE k_order (n int, m int, t text);
CREATE INDEX ix_order ON k_order (n);
CREATE INDEX ix_nulls ON k_order (m);
CREATE INDEX ix_columns ON k_order (n, m);
CREATE INDEX ix_part ON k_order (n) WHERE m > 1;
CREATE INDEX ix_expression ON k_order (lower(t));
CREATE INDEX ix_only ON k_order (n, t);
CREATE INDEX ix_method ON k_order (n);
CREATE INDEX ix_class ON k_order (t);
CREATE INDEX ix_include ON k_order (n) INCLUDE (t);
CREATE INDEX ix_valid ON k_order (n)
-- alike
DROP INDEX ix_order, ix_part, ix_expression, ix_class;
CREATE INDEX ix_order ON k_order USING btree (n ASC NULLS LAST);
CREATE INDEX ix_part ON k_order (n) WHERE (m) > (1);
CREATE INDEX ix_expression ON k_order ((lower(t)));
CREATE INDEX ix_class ON k_order (t text_ops);
CLUSTER k_order USING ix_order
-- plant
DROP INDEX ix_order, ix_nulls, ix_columns, ix_part, ix_expression, ix_only, ix_method, ix_class, ix_include;
CREATE INDEX ix_order ON k_order (n DESC);
CREATE INDEX ix_nulls ON k_order (m NULLS FIRST);
CREATE INDEX ix_columns ON k_order (m, n);
CREATE INDEX ix_part ON k_order (n) WHERE m > 2;
CREATE INDEX ix_expression ON k_order (upper(t));
CREATE UNIQUE INDEX ix_only ON k_order (n, t);
CREATE INDEX ix_method ON k_order USING hash (n);
CREATE INDEX ix_class ON k_order (t text_pattern_ops);
CREATE INDEX ix_include ON k_order (n);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_valid'::regclass
-- found
~ index k_order.ix_order
~ index k_order.ix_nulls
~ index k_order.ix_columns
~ index k_order.ix_part
~ index k_order.ix_expression
~ index k_order.ix_only
~ index k_order.ix_method
~ index k_order.ix_class
~ index k_order.ix_include
~ index k_order.ix_valid

== check
CREATE TABLE k_check (n int CHECK (n > 0), m int CONSTRAINT ck_m CHECK (m < 9), CONSTRAINT ck_n CHECK (n < 9))
-- alike
ALTER TABLE k_check DROP CONSTRAINT k_check_n_check, DROP CONSTRAINT ck_n;
ALTER TABLE k_check ADD CONSTRAINT k_check_check CHECK ((n) > (0)), ADD CONSTRAINT ck_n CHECK (((n) < (9)))
-- plant
ALTER TABLE k_check DROP CONSTRAINT ck_n, DROP CONSTRAINT ck_m;
ALTER TABLE k_check ADD CONSTRAINT ck_n CHECK (n <= 9), ADD CONSTRAINT ck_m CHECK (m < 9) NOT VALID;
ALTER TABLE k_check ADD CONSTRAINT ck_new CHECK (n <> m)
-- found
~ constraint k_check.ck_n
~ constraint k_check.ck_m
+ constraint k_check.ck_new

== exclusion
CREATE TABLE k_exclusion (r int4range, CONSTRAINT ex_r EXCLUDE USING gist (r WITH &&))
-- alike
ALTER TABLE k_exclusion DROP CONSTRAINT ex_r;
ALTER TABLE k_exclusion ADD CONSTRAINT ex_r EXCLUDE USING gist (r range_ops WITH &&)
-- plant
ALTER TABLE k_exclusion DROP CONSTRAINT ex_r
-- found
- constraint k_exclusion.ex_r

== foreign key
CREATE TABLE k_target (id int PRIMARY KEY, n int UNIQUE);
CREATE TABLE k_foreign (a int REFERENCES k_target, b int REFERENCES k_target ON DELETE CASCADE,
    c int CONSTRAINT fk_c REFERENCES k_target, d int CONSTRAINT fk_d REFERENCES k_target,
    e int CONSTRAINT fk_e REFERENCES k_target, f int CONSTRAINT fk_f REFERENCES k_target)
-- alike
ALTER TABLE k_foreign DROP CONSTRAINT k_foreign_a_fkey, DROP CONSTRAINT fk_c;
ALTER TABLE k_foreign ADD CONSTRAINT k_foreign_a_fkey1 FOREIGN KEY (a) REFERENCES k_target (id) MATCH SIMPLE;
ALTER TABLE k_foreign ADD CONSTRAINT fk_c FOREIGN KEY (c) REFERENCES k_target ON DELETE NO ACTION ON UPDATE NO ACTION
-- plant
ALTER TABLE k_foreign DROP CONSTRAINT k_foreign_b_fkey, DROP CONSTRAINT fk_c, DROP CONSTRAINT fk_d,
    DROP CONSTRAINT fk_e, ALTER CONSTRAINT fk_f DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE k_foreign ADD CONSTRAINT k_foreign_b_fkey FOREIGN KEY (b) REFERENCES k_target ON DELETE SET NULL;
ALTER TABLE k_foreign ADD CONSTRAINT fk_c FOREIGN KEY (c) REFERENCES k_target ON UPDATE CASCADE;
ALTER TABLE k_foreign ADD CONSTRAINT fk_d FOREIGN KEY (d) REFERENCES k_target (n)
-- found
~ constraint k_foreign.k_foreign_b_fkey
~ constraint k_foreign.fk_c
~ constraint k_foreign.fk_d
- constraint k_foreign.fk_e
~ constraint k_foreign.fk_f

== view
CREATE TABLE k_seen (n int, m int);
CREATE VIEW v_words AS SELECT n, m FROM k_seen WHERE n > 1;
CREATE VIEW v_gone AS SELECT 1 AS one;
CREATE VIEW v_kind AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW v_stored AS SELECT n FROM k_seen
-- alike
DROP VIEW v_words;
create view v_words as select s.n, s.m from public.k_seen as s where (s.n) > (1);
DROP VIEW v_words;
create view v_words as
    select k_seen.n, k_seen.m from k_seen where (k_seen.n > 1);
REFRESH MATERIALIZED VIEW v_stored
-- plant
CREATE OR REPLACE VIEW v_words AS SELECT n, m FROM k_seen WHERE n > 2;
DROP VIEW v_gone, v_kind;
CREATE MATERIALIZED VIEW v_kind AS SELECT 1 AS one;
CREATE INDEX ix_stored ON v_stored (n);
CREATE VIEW v_new AS SELECT 2 AS two
-- found
~ view v_words
- view v_gone
~ view v_kind
+ index v_stored.ix_stored
+ view v_new

== function
CREATE FUNCTION f_body() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f_nature(n int) RETURNS int LANGUAGE sql AS 'SELECT n';
CREATE FUNCTION f_gone() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE p_body() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE g_sum(int) (sfunc = int4pl, stype = int, initcond = '0')
-- alike
DROP FUNCTION f_body();
CREATE FUNCTION f_body() RETURNS integer VOLATILE CALLED ON NULL INPUT LANGUAGE sql AS 'SELECT  1'
-- plant
CREATE OR REPLACE FUNCTION f_body() RETURNS int LANGUAGE sql AS 'SELECT 2';
ALTER FUNCTION f_nature(int) IMMUTABLE STRICT;
DROP FUNCTION f_gone();
CREATE FUNCTION f_body(n int) RETURNS int LANGUAGE sql AS 'SELECT 3';
CREATE OR REPLACE PROCEDURE p_body() LANGUAGE sql AS 'SELECT 2';
DROP AGGREGATE g_sum(int);
CREATE AGGREGATE g_sum(int) (sfunc = int4pl, stype = int, initcond = '1')
-- found
~ function f_body()
~ function f_nature(n integer)
- function f_gone()
+ function f_body(n integer)
~ function p_body()
~ aggregate g_sum(integer)

== trigger and rule
CREATE TABLE k_trigger (n int);
CREATE FUNCTION t_touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr_off BEFORE UPDATE ON k_trigger FOR EACH ROW EXECUTE FUNCTION t_touch();
CREATE TRIGGER tr_event BEFORE UPDATE ON k_trigger FOR EACH ROW EXECUTE FUNCTION t_touch();
CREATE TRIGGER tr_gone BEFORE UPDATE ON k_trigger FOR EACH ROW EXECUTE FUNCTION t_touch();
CREATE RULE r_gone AS ON DELETE TO k_trigger DO INSTEAD NOTHING
-- alike
DROP TRIGGER tr_event ON k_trigger;
CREATE TRIGGER tr_event BEFORE UPDATE ON public.k_trigger FOR EACH ROW EXECUTE PROCEDURE t_touch();
ALTER TABLE k_trigger DISABLE TRIGGER USER;
ALTER TABLE k_trigger ENABLE TRIGGER USER
-- plant
ALTER TABLE k_trigger DISABLE TRIGGER tr_off;
DROP TRIGGER tr_event ON k_trigger;
CREATE TRIGGER tr_event BEFORE INSERT OR UPDATE ON k_trigger FOR EACH ROW EXECUTE FUNCTION t_touch();
DROP TRIGGER tr_gone ON k_trigger;
DROP RULE r_gone ON k_trigger
-- found
~ trigger k_trigger.tr_off
~ trigger k_trigger.tr_event
- trigger k_trigger.tr_gone
- rule k_trigger.r_gone

== sequence
CREATE SEQUENCE s_step;
CREATE SEQUENCE s_gone;
CREATE TABLE k_serial (id serial, n int)
-- alike
SELECT setval('s_step', 500), nextval('k_serial_id_seq');
ALTER SEQUENCE s_step INCREMENT BY 1 NO CYCLE
-- plant
ALTER SEQUENCE s_step INCREMENT 10;
DROP SEQUENCE s_gone;
CREATE SEQUENCE s_new;
ALTER SEQUENCE k_serial_id_seq OWNED BY NONE
-- found
~ sequence s_step
- sequence s_gone
+ sequence s_new
~ sequence k_serial_id_seq

== enum, domain and composite type
CREATE TYPE e_mood AS ENUM ('sad', 'ok');
CREATE TYPE e_order AS ENUM ('a', 'b');
CREATE TYPE e_gone AS ENUM ('a');
CREATE DOMAIN d_positive AS int CHECK (VALUE > 0);
CREATE TYPE c_pair AS (a int, b int)
-- alike
ALTER TYPE e_mood RENAME VALUE 'ok' TO 'fine';
ALTER TYPE e_mood RENAME VALUE 'fine' TO 'ok';
DROP DOMAIN d_positive;
CREATE DOMAIN d_positive AS integer NULL CHECK ((VALUE) > (0))
-- plant
ALTER TYPE e_mood ADD VALUE 'glad';
DROP TYPE e_order, e_gone;
CREATE TYPE e_order AS ENUM ('b', 'a');
ALTER DOMAIN d_positive SET NOT NULL;
ALTER TYPE c_pair ALTER ATTRIBUTE b TYPE bigint
-- found
~ enum e_mood
~ enum e_order
- enum e_gone
~ domain d_positive
~ type c_pair

== comment
CREATE TABLE k_comment (n int, m int);
COMMENT ON COLUMN k_comment.n IS 'years'
-- alike
COMMENT ON COLUMN k_comment.n IS NULL;
COMMENT ON COLUMN k_comment.n IS 'years';
COMMENT ON COLUMN k_comment.m IS ''
-- plant
COMMENT ON COLUMN k_comment.n IS 'days';
COMMENT ON COLUMN k_comment.m IS 'months';
COMMENT ON TABLE k_comment IS 'ages'
-- found
~ column k_comment.n
~ column k_comment.m
~ table k_comment

== identity
CREATE TABLE k_identity (n int GENERATED BY DEFAULT AS IDENTITY, m int NOT NULL);
CREATE TABLE k_identity_gone (n int GENERATED BY DEFAULT AS IDENTITY)
-- alike
ALTER TABLE k_identity ALTER n RESTART WITH 500
-- plant
ALTER TABLE k_identity ALTER n SET GENERATED ALWAYS;
ALTER TABLE k_identity_gone ALTER n DROP IDENTITY
-- found
~ column k_identity.n
~ column k_identity_gone.n
- sequence k_identity_gone_n_seq

== generated column
CREATE TABLE k_generated (n int, twice int GENERATED ALWAYS AS (n * 2) STORED, m int GENERATED ALWAYS AS (n) STORED)
-- alike
ALTER TABLE k_generated DROP twice;
ALTER TABLE k_generated ADD twice integer GENERATED ALWAYS AS ((n) * 2) STORED
-- plant
ALTER TABLE k_generated DROP twice;
ALTER TABLE k_generated ADD twice int GENERATED ALWAYS AS (n * 3) STORED, ALTER m DROP EXPRESSION
-- found
~ column k_generated.twice
~ column k_generated.m

== policy
CREATE TABLE k_policy (n int);
CREATE POLICY p_own ON k_policy USING (n > 0);
CREATE POLICY p_gone ON k_policy USING (n > 0);
CREATE TABLE k_rows (n int)
-- alike
DROP POLICY p_own ON k_policy;
CREATE POLICY p_own ON k_policy AS PERMISSIVE FOR ALL TO public USING ((n) > 0)
-- plant
ALTER POLICY p_own ON k_policy USING (n > 1);
DROP POLICY p_gone ON k_policy;
ALTER TABLE k_rows ENABLE ROW LEVEL SECURITY
-- found
~ policy k_policy.p_own
- policy k_policy.p_gone
~ table k_rows

== extension
CREATE EXTENSION citext;
CREATE TABLE k_citext (c citext)
-- alike
ALTER EXTENSION citext UPDATE
-- plant
CREATE EXTENSION hstore
-- found
+ extension hstore

== schema
CREATE SCHEMA s_one;
CREATE TABLE s_one.k_inside (n int);
CREATE SCHEMA s_gone_too
-- alike
DROP TABLE s_one.k_inside;
CREATE TABLE s_one.k_inside (n integer)
-- plant
ALTER TABLE s_one.k_inside ADD m int;
DROP SCHEMA s_gone_too;
CREATE SCHEMA s_new
-- found
+ column s_one.k_inside.m
- schema s_gone_too
+ schema s_new

== partition, inheritance and options
CREATE TABLE k_parts (n int) PARTITION BY RANGE (n);
CREATE TABLE k_part PARTITION OF k_parts FOR VALUES FROM (0) TO (9);
CREATE TABLE k_part2 PARTITION OF k_parts FOR VALUES FROM (10) TO (19);
CREATE TABLE k_parent (n int);
CREATE TABLE k_child () INHERITS (k_parent);
CREATE TABLE k_logged (n int);
CREATE TABLE k_fill (n int);
CREATE STATISTICS x_gone (ndistinct) ON n, m FROM k_index
-- alike
ALTER TABLE k_parts DETACH PARTITION k_part;
ALTER TABLE k_parts ATTACH PARTITION k_part FOR VALUES FROM (0) TO (9);
ALTER TABLE k_logged SET UNLOGGED;
ALTER TABLE k_logged SET LOGGED;
ANALYZE k_logged
-- plant
ALTER TABLE k_parts DETACH PARTITION k_part2;
ALTER TABLE k_child NO INHERIT k_parent;
ALTER TABLE k_logged SET UNLOGGED;
ALTER TABLE k_fill SET (fillfactor = 70);
DROP STATISTICS x_gone
-- found
~ table k_part2
~ table k_child
~ table k_logged
~ table k_fill
- statistics k_index.x_gone

== version table
CREATE TABLE k_versions (n int)
-- alike
ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(255);
CREATE TABLE alembic_version_other (version_num varchar(32) PRIMARY KEY);
CREATE TABLE others_versions (version_num varchar(32))
