"""Listeners in an event loop. Apart from the others, since whoever has no use for asyncio need not import it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ._listeners import BackloggedListener, Listener, Listeners, is_async

if TYPE_CHECKING:
    from . import _native
    from ._events import Event


class LoopListeners(Listeners):
    """Listeners in an event loop: plain functions and coroutine functions."""

    def _call_for(self, listener: Listener) -> Listener:
        native = self._native()
        if native is None or not is_async(listener):
            return listener
        # A coroutine function that listens to several events hears them in order too.
        for other, call in itertools.chain.from_iterable(self._listeners.values()):
            if other == listener:
                return call
        return AsyncListener(native, listener)

    def _call(self, call: Listener, event: Event) -> None:
        try:
            call(event)
        except Exception as error:
            _report(event, error)


class AsyncListener(BackloggedListener):
    """Feeds a coroutine function, one event at a time, from a task that exists while there are events."""

    def __init__(self, native: _native.Connection, listener: Callable[[Any], Awaitable[object]]) -> None:
        super().__init__(native)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        self.backlog.put(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while (event := self.backlog.take()) is not None:
            try:
                await self._listener(event)
            except Exception as error:
                _report(event, error)


def _report(event: Event, error: Exception) -> None:
    """As asyncio does for a callback that raises."""
    context = {"message": f"Exception in a listener of {event.kind}", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
