# ruff: noqa: E501  # the definition of a column stays on its line
"""Two small applications that planted cases change: their first revision, rows that constraints can fail on, models."""

from __future__ import annotations

import sqlalchemy as sa

SHOP = """
op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("name", sa.String(80), nullable=False),
    sa.Column("email", sa.String(120)), sa.Column("nickname", sa.String(40)), sa.Column("age", sa.Integer()),
    sa.Column("country", sa.String(60)), sa.Column("code", sa.String(20)), sa.Column("zip", sa.String(20)),
    sa.Column("status", sa.String(16), nullable=False, server_default="new"), sa.Column("manager_id", sa.Integer()),
    sa.Column("joined_at", sa.DateTime()))
op.create_index("ix_users_email", "users", ["email"])
op.create_table("orders", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("user_id", sa.Integer(), nullable=False),
    sa.Column("total", sa.Numeric(10, 2), nullable=False), sa.Column("state", sa.String(12), nullable=False, server_default="open"),
    sa.Column("ref", sa.String(30)), sa.Column("note", sa.Text()))
op.create_table("items", sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("order_id", sa.Integer(), sa.ForeignKey("orders.id", name="fk_items_order"), nullable=False),
    sa.Column("sku", sa.String(20), nullable=False), sa.Column("qty", sa.Integer(), nullable=False),
    sa.Column("price", sa.Numeric(10, 2)), sa.UniqueConstraint("order_id", "sku", name="uq_items_order_sku"))
op.create_table("audit_log", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("line", sa.Text(), nullable=False))
op.create_table("sessions", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("token", sa.String(64)))
"""
SHOP_ROWS = (
    "INSERT INTO users (name, email, nickname, age, country, code, zip, status, manager_id, joined_at) VALUES "
    "('Ada', 'ada@x.org', 'ada', 36, 'Germany', '100', '10115', 'new', NULL, '2026-01-01 00:00:00'), "
    "('Bob', 'bob@x.org', NULL, 41, 'France', '200', '75001', 'active', 1, '2026-01-02 00:00:00'), "
    "('Cyd', 'cyd@x.org', 'cyd', -1, 'Italy', 'x12', '00100', 'active', 1, '2026-01-03 00:00:00'), "
    "('Dan', 'dan@x.org', NULL, NULL, 'Bosnia and Herzegovina', '400', '71000', 'new', 99, '2026-01-04 00:00:00'), "
    "('bob', 'bob2@x.org', 'ada', 29, 'Spain', '500', '28001', 'gone', 2, '2026-01-05 00:00:00'), "
    "('Eve', 'eve@x.org', 'Evi', 52, 'Germany', '600', '20095', 'active', 1, '2026-01-06 00:00:00')",
    "INSERT INTO orders (user_id, total, state, ref, note) VALUES (1, 10.5, 'open', 'A-1', 'n'), (1, 99.99, 'paid', 'A-2', 'n'), "
    "(2, 20, 'paid', 'A-2', 'n'), (7, 5.25, 'open', NULL, 'n'), (3, 0, 'void', NULL, 'n'), (5, 120, 'paid', 'A-6', 'n')",
    "INSERT INTO items (order_id, sku, qty, price) VALUES (1, 'S-1', 1, 2.5), (1, 'S-2', 0, NULL), (2, 'S-1', 40000, 1), "
    "(3, 'S-3', 2, 9.99), (5, 'S-1', 3, 4)",
    "INSERT INTO audit_log (line) VALUES ('one'), ('two')",
)
HALL = """
op.create_table("people", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("name", sa.String(50), nullable=False))
op.create_table("workers", sa.Column("id", sa.Integer(), sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("wage", sa.Numeric(8, 2), nullable=False))
op.create_table("tags", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("label", sa.String(30), nullable=False))
op.create_table("people_tags", sa.Column("person_id", sa.Integer(), sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("tag_id", sa.Integer(), sa.ForeignKey("tags.id"), primary_key=True))
op.create_table("seats", sa.Column("hall", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("no", sa.Integer(), primary_key=True, autoincrement=False), sa.Column("label", sa.String(10)))
op.create_table("bookings", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("hall", sa.Integer(), nullable=False),
    sa.Column("no", sa.Integer(), nullable=False),
    sa.Column("mood", sa.Enum("good", "bad", "so so", name="mood"), nullable=False, server_default="good"),
    sa.Column("paid", sa.Boolean(), nullable=False, server_default=sa.false()), sa.Column("data", sa.JSON()),
    sa.Column("uid", sa.Uuid()), sa.Column("at", sa.DateTime(timezone=True)), sa.Column("day", sa.Date()), sa.Column("rate", sa.Float()),
    sa.ForeignKeyConstraint(["hall", "no"], ["seats.hall", "seats.no"], name="fk_bookings_seat"),
    sa.CheckConstraint("rate >= 0", name="ck_rate"))
"""
HALL_ROWS = (
    "INSERT INTO people (kind, name) VALUES ('worker', 'Ann'), ('guest', 'Bo'), ('worker', 'Ann')",
    "INSERT INTO workers VALUES (1, 10.5), (3, 99.99)",
    "INSERT INTO tags (label) VALUES ('red'), ('Red '), ('blue')",
    "INSERT INTO people_tags VALUES (1, 1), (1, 2), (2, 3)",
    "INSERT INTO seats VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, NULL)",
    "INSERT INTO bookings (hall, no, mood, paid, rate, day) VALUES (1, 1, 'good', true, 1.5, '2026-01-31'), "
    "(1, 2, 'bad', false, 2.25, NULL), (1, 1, 'so so', true, NULL, '2026-01-31')",
)
BASES = {"shop": (SHOP, SHOP_ROWS), "hall": (HALL, HALL_ROWS)}


def models(base: str) -> sa.MetaData:
    """Return the tables of the code that runs on a base: as its first revision makes them, and its rows' types."""
    metadata = sa.MetaData()

    class _Operations:
        """Makes tables of the metadata instead of the database."""

        @staticmethod
        def create_table(name: str, *items: sa.schema.SchemaItem) -> None:
            sa.Table(name, metadata, *items)

        @staticmethod
        def create_index(*_: object) -> None:
            """Code does not see an index."""

    exec(compile(BASES[base][0], base, "exec"), {"op": _Operations, "sa": sa})
    return metadata
