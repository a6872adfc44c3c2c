"""Changes made at one exact point between two statements of the code under test."""

from contextlib import contextmanager

from django.db import connection


@contextmanager
def just_before(beginning, change):
    """Call `change` once, right before the first statement with this beginning.

    The code under test has read its rows by then, so its statement alone can notice. The
    change is made on the same connection, which works on SQLite too, where no other
    connection could write at that moment. It is rolled back with the transaction of a
    refusal.
    """
    made = []

    def watch(execute, sql, params, many, context):
        if not made and sql.startswith(beginning):
            made.append(sql)
            change()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield
    assert made, f"No statement began with {beginning!r}."
