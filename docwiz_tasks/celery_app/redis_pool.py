"""Commands to Redis over a connection of Celery's or kombu's own pools.

A client is made for each use there, and to make one takes longer than to ask.
"""

from __future__ import annotations

from typing import Any

__all__ = ["asked", "taken_from"]


def taken_from(pool: Any) -> Any:
    """Return a connection of a pool, to be released to it."""
    try:
        return pool.get_connection()
    except TypeError:
        # redis-py before 5.3 wants a command's name, which it doesn't use.
        return pool.get_connection("GET")


def asked(pool: Any, *command: str) -> Any:
    """Return what Redis answers to a command, tried as often as the pool's clients would.

    Raises:
        RedisError: it can't be reached, or refuses.
    """
    connection = taken_from(pool)

    def answer() -> Any:
        connection.send_command(*command)
        return connection.read_response()

    try:
        return connection.retry.call_with_retry(answer, lambda _error: connection.disconnect())
    finally:
        pool.release(connection)
