from __future__ import annotations

from branchmig.effects.losses import Loss, Losses, losses_of


def script(downgrade: str) -> bytes:
    return f"from alembic import op\nimport sqlalchemy as sa\n\ndef downgrade():\n    {downgrade}\n".encode()


def test_dropped_tables_and_columns_are_lost() -> None:
    sources = {
        "ccc3": script("op.drop_column('users', 'age')"),
        "bbb2": script("op.drop_table('orders', schema='shop')"),
        "aaa1": script("op.drop_index('ix')"),
    }
    assert losses_of(sources) == Losses((Loss("users", "age", None, "ccc3"), Loss("orders", None, "shop", "bbb2")))


def test_a_column_of_a_table_that_goes_too_is_no_loss_of_its_own() -> None:
    sources = {"bbb2": script("op.drop_column('users', 'age')"), "aaa1": script("op.drop_table('users')")}
    assert losses_of(sources) == Losses((Loss("users", None, None, "aaa1"),))


def test_what_cannot_be_read_is_said() -> None:
    assert losses_of({"aaa1": script("op.drop_table(name())")}).unclear[0][0] == "aaa1"


def test_batches_and_raw_sql_are_read() -> None:
    batch = "with op.batch_alter_table('users') as batch:\n        batch.drop_column('age')"
    assert losses_of({"aaa1": script(batch)}).certain == (Loss("users", "age", None, "aaa1"),)
    assert losses_of({"aaa1": script("op.execute('DROP TABLE users')")}).certain == (Loss("users", None, None, "aaa1"),)


def test_a_loss_says_its_name() -> None:
    assert [str(Loss("users", "age")), str(Loss("orders", None, "shop"))] == ["column users.age", "table shop.orders"]


def test_rows_that_are_deleted_or_changed_are_lost_too() -> None:
    downgrades = [
        "op.execute('DELETE FROM users')",
        "op.execute(sa.text('UPDATE users SET n = NULL'))",
        "op.execute(sa.table('users').delete())",
        "op.get_bind().execute(sa.text('DELETE FROM users WHERE id = 1'))",
        "op.execute('TRUNCATE users')",
    ]
    assert [[str(item) for item in losses_of({"aaa1": script(text)}).certain] for text in downgrades] == [
        ["rows deleted from table users"],
        ["rows changed in table users"],
        ["rows deleted from table users"],
        ["rows deleted from table users"],
        ["rows deleted from table users"],
    ]
