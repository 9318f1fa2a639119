"""Listeners: plain functions and coroutine functions, called in order, never at the cost of each other."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeGuard

from ._events import ConnectionEvent, Event

Listener = Callable[[Any], object]


class Listeners:
    """The listeners of one connection, in the order in which they were added."""

    def __init__(self) -> None:
        # Each with what is called in its place.
        self._listeners: dict[ConnectionEvent, list[tuple[Listener, Listener]]] = {}

    def add(self, event: ConnectionEvent, listener: Listener) -> None:
        """Add the listener, once more if it is there already."""
        if not callable(listener):
            raise TypeError(f"a listener must be callable, got {type(listener).__name__}")
        self._listeners.setdefault(event, []).append((listener, self._call_for(listener)))

    def _call_for(self, listener: Listener) -> Listener:
        if not _is_async(listener):
            return listener
        # A coroutine function that listens to several events hears them in order too.
        for other, call in itertools.chain.from_iterable(self._listeners.values()):
            if other == listener:
                return call
        return _AsyncListener(listener)

    def remove(self, event: ConnectionEvent, listener: Listener) -> None:
        """Remove the listener, the one added last if it is there more than once. Do nothing if it is not there."""
        listeners = self._listeners.get(event, [])
        for index in reversed(range(len(listeners))):
            if listeners[index][0] == listener:
                del listeners[index]
                return

    def listens_to(self, event: ConnectionEvent) -> bool:
        """Tell whether there is a listener."""
        return bool(self._listeners.get(event))

    def call(self, event: Event) -> None:
        """Call the listeners that there are at this moment."""
        for _, call in tuple(self._listeners.get(event.kind, ())):
            try:
                call(event)
            except Exception as error:
                _report(event, error)


class _AsyncListener:
    """Feeds a coroutine function, one event at a time, from a task that exists while there are events."""

    def __init__(self, listener: Callable[[Any], Awaitable[object]]) -> None:
        self._listener = listener
        self._events: deque[Event] = deque()
        self._task: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        self._events.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while self._events:
            event = self._events.popleft()
            try:
                await self._listener(event)
            except Exception as error:
                _report(event, error)


def _is_async(listener: Listener) -> TypeGuard[Callable[[Any], Awaitable[object]]]:
    return inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(
        getattr(listener, "__call__", None)  # noqa: B004 (an object with `async def __call__`)
    )


def _report(event: Event, error: Exception) -> None:
    """As asyncio does for a callback that raises."""
    context = {"message": f"Exception in a listener of {event.kind}", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
