"""How events come from the engine into an event loop.

Each loop has one hub for all its connections. The engine wakes it once, through ``call_soon_threadsafe``, and the loop
then takes what is there in turns of bounded length, so that it stays responsive however much comes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from . import _logging, _native

if TYPE_CHECKING:
    from ._connection import JitsiConnection
    from ._events import Item

_ITEMS_PER_TURN = 256


class LoopHub:
    """Everything between the engine and one event loop.

    All methods but ``of`` and ``_wake`` belong to the thread of the loop.
    """

    _hubs: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopHub]] = (
        weakref.WeakKeyDictionary()
    )
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> LoopHub:
        """Return the hub of the loop."""
        closed = []
        with cls._lock:
            hub = cls._hubs.get(loop)
            if hub is None:
                # The future of a call under way refers to its loop, and so keeps one that was closed meanwhile.
                closed = [cls._hubs.pop(other) for other in list(cls._hubs) if other.is_closed()]
                hub = cls._hubs[loop] = cls(loop)
        for other_hub in closed:
            other_hub._close()
        return hub

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weak, both: waiting for what may come keeps neither the loop nor the hub.
        self._loop = weakref.ref(loop)
        weak_self = weakref.ref(self)

        def wake() -> None:
            hub = weak_self()
            if hub is not None:
                hub._wake()

        self._native = _native.Hub(wake)
        self._connections: weakref.WeakValueDictionary[int, JitsiConnection] = weakref.WeakValueDictionary()
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._tokens = itertools.count(1)
        self._items: deque[Item] = deque()
        # A drain is under way or comes in the next turn, so that no wake-up has to ask for one.
        self._draining = False

    @classmethod
    def _forget_all(cls) -> None:
        """In a fork: leave to the parent what is the parent's, locks that are held for ever included."""
        cls._hubs = weakref.WeakKeyDictionary()
        cls._lock = threading.Lock()

    def attach(self, connection: JitsiConnection) -> None:
        """Deliver the events of the connection for as long as its object exists."""
        self._connections[connection._attach(self._native)] = connection

    def call(self, start: Callable[[int], None]) -> asyncio.Future[Any]:
        """Start a call of the engine and return the future of its outcome."""
        _logging.follow_level()
        token = next(self._tokens)
        start(token)
        # The outcome cannot have come already: this thread delivers it.
        future = asyncio.get_running_loop().create_future()
        self._calls[token] = future
        return future

    def _wake(self) -> None:
        """Run on the thread of the native module, whenever it likes."""
        loop = self._loop()
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._woken)
            except RuntimeError:
                # Closed, as a loop may be at any time.
                self._close()

    def _close(self) -> None:
        self._native.close()
        self._calls.clear()

    def _woken(self) -> None:
        _logging.follow_level()
        if not self._draining:
            self._drain()

    def _drain(self) -> None:
        self._draining = True
        try:
            if not self._items:
                items, self._draining = self._native.drain(_ITEMS_PER_TURN)
                self._items.extend(items)
            self._deliver_items()
        finally:
            # A listener may have left by way of SystemExit: the loop still runs for the clean-up, which waits for us.
            self._draining = self._draining or bool(self._items)
            if self._draining:
                asyncio.get_running_loop().call_soon(self._drain)

    def _deliver_items(self) -> None:
        """Deliver all items, but leave an event that follows an outcome of its connection to the next turn.

        Whoever awaits the outcome goes on before that, and so meets everything in order.
        """
        settled = set()
        while self._items:
            connection, call, _ = self._items[0]
            if call is not None:
                settled.add(connection)
            elif connection in settled:
                return
            self._deliver(self._items.popleft())

    def _deliver(self, item: Item) -> None:
        if item[1] is None:
            connection = self._connections.get(item[0])
            if connection is not None:
                connection._deliver(item[2])
            return
        future = self._calls.pop(item[1])
        if future.done():
            return  # Cancelled.
        if isinstance(item[2], Exception):
            future.set_exception(item[2])
            # Whoever has stopped waiting needs no "exception was never retrieved" in the log.
            future.exception()
        else:
            future.set_result(item[2])


os.register_at_fork(after_in_child=LoopHub._forget_all)
