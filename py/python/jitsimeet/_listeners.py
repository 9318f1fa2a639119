"""Listeners and iterators of events, fed in order and never at the cost of each other."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import threading
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeGuard

from ._events import ConnectionErrorCode, ConnectionEvent, ConnectionFailed, Event, StanzaReceived
from ._exceptions import ForkedError

if TYPE_CHECKING:
    from . import _native
    from ._base import BaseConnection

Listener = Callable[[Any], object]

_ENDS = (ConnectionEvent.CONNECTION_FAILED, ConnectionEvent.CONNECTION_DISCONNECTED)


class Backlog:
    """Events that have not come to their consumer. They count in ``eventQueue`` until they do."""

    def __init__(self, native: _native.Connection) -> None:
        # Weak: what waits does not keep a connection open that nobody refers to.
        self._native = weakref.ref(native)
        self._events: deque[Event] = deque()

    def put(self, event: Event) -> None:
        """Add an event at the end."""
        if (native := self._native()) is not None:
            native.hold(_text(event))
        self._events.append(event)

    def take(self) -> Event | None:
        """Take the first event, if there is one."""
        try:
            event = self._events.popleft()
        except IndexError:
            return None
        if (native := self._native()) is not None:
            native.release(_text(event))
        return event

    def discard(self, kind: ConnectionEvent | None = None) -> None:
        """Forget the events of a kind, or all."""
        kept = []
        while (event := self.take()) is not None:
            if kind is not None and event.kind is not kind:
                kept.append(event)
        for event in kept:
            self.put(event)


class Stream:
    """An iterator of events. Listeners refer to it weakly: it lasts as long as its consumer wants it."""

    def __init__(self, connection: BaseConnection, kinds: tuple[ConnectionEvent | str, ...]) -> None:
        self._ended = True
        self.kinds = frozenset(map(ConnectionEvent, kinds or ConnectionEvent))
        self.backlog = Backlog(connection._native)
        self._connection = connection
        self._ended = False
        connection._listeners.add_stream(self)

    def offer(self, event: Event, last: bool) -> None:
        """Keep the event if it is wanted. After the last one there is no other."""
        if event.kind in self.kinds:
            self.backlog.put(event)
        if last:
            self._ended = True
            self._leave()
        self._wake()

    def _take(self) -> Event | None:
        return self.backlog.take()

    def _close(self) -> None:
        self._ended = True
        self._leave()
        self.backlog.discard()
        self._wake()

    def _leave(self) -> None:
        self._connection._listeners.remove_stream(self)
        # In a fork there is nothing to tell.
        with contextlib.suppress(ForkedError):
            self._connection._tell_listening()

    def _wake(self) -> None:
        """Have the consumer look again."""
        raise NotImplementedError

    def __del__(self) -> None:
        if not self._ended:
            self._close()


class BackloggedListener:
    """What takes its events later than it is called with them."""

    def __init__(self, native: _native.Connection) -> None:
        self.backlog = Backlog(native)

    def __call__(self, event: Event) -> None:
        """Have the event taken when its turn comes."""
        raise NotImplementedError


class Listeners:
    """Who listens to one connection, in the order in which they were added."""

    def __init__(self, native: _native.Connection) -> None:
        # Weak, as in `Backlog`.
        self._native = weakref.ref(native)
        # Each with what is called in its place.
        self._listeners: dict[ConnectionEvent, list[tuple[Listener, Listener]]] = {}
        # Replaced as a whole, since a finalizer may do so at any time; the lock is for threads.
        self._streams: tuple[weakref.ref[Stream], ...] = ()
        self._lock = threading.RLock()

    def add(self, event: ConnectionEvent, listener: Listener) -> None:
        """Add the listener, once more if it is there already."""
        if not callable(listener):
            raise TypeError(f"a listener must be callable, got {type(listener).__name__}")
        with self._lock:
            self._listeners.setdefault(event, []).append((listener, self._call_for(listener)))

    def remove(self, event: ConnectionEvent, listener: Listener) -> None:
        """Remove the listener, the one added last if it is there more than once. Do nothing if it is not there."""
        with self._lock:
            listeners = self._listeners.get(event, [])
            for index in reversed(range(len(listeners))):
                if listeners[index][0] == listener:
                    _, call = listeners.pop(index)
                    if isinstance(call, BackloggedListener) and all(
                        call is not other for _, other in listeners
                    ):
                        call.backlog.discard(event)
                    return

    def add_stream(self, stream: Stream) -> None:
        """Add an iterator."""
        with self._lock:
            self._streams = (*self._streams, weakref.ref(stream))

    def remove_stream(self, stream: Stream) -> None:
        """Remove an iterator, and those that are no more."""
        with self._lock:
            self._streams = tuple(ref for ref in self._streams if ref() not in (None, stream))

    def listens_to(self, event: ConnectionEvent) -> bool:
        """Tell whether somebody listens."""
        streams = (ref() for ref in self._streams)
        return bool(self._listeners.get(event)) or any(
            stream is not None and event in stream.kinds for stream in streams
        )

    def call(self, event: Event) -> None:
        """Call those who listen at this moment."""
        streams, last = self._streams, False
        if event.kind is not ConnectionEvent.STANZA_RECEIVED:
            last = self._is_last(event)
        for _, call in tuple(self._listeners.get(event.kind, ())):
            self._call(call, event)
        for ref in streams:
            if (stream := ref()) is not None:
                stream.offer(event, last)

    def _is_last(self, event: Event) -> bool:
        """Tell whether the event ends the connection, and prepare for that."""
        if isinstance(event, ConnectionFailed) and event.code is ConnectionErrorCode.LISTENER_STALLED:
            # As the engine does with what it holds.
            self._discard_stanzas()
        if event.kind is ConnectionEvent.REDIRECTED:
            # A session that has asked for a conference goes on.
            native = self._native()
            return native is None or native.is_idle()
        return event.kind in _ENDS

    def _discard_stanzas(self) -> None:
        calls = (call for _, call in itertools.chain.from_iterable(tuple(self._listeners.values())))
        backlogs = {call.backlog for call in calls if isinstance(call, BackloggedListener)}
        backlogs.update(stream.backlog for ref in self._streams if (stream := ref()) is not None)
        for backlog in backlogs:
            backlog.discard(ConnectionEvent.STANZA_RECEIVED)

    def _call_for(self, listener: Listener) -> Listener:
        """Return what is to be called in place of the listener."""
        raise NotImplementedError

    def _call(self, call: Listener, event: Event) -> None:
        """Call it, and report what it raises."""
        raise NotImplementedError


def is_async(listener: Listener) -> TypeGuard[Callable[[Any], Awaitable[object]]]:
    """Tell whether the listener is a coroutine function, or an object that is called like one."""
    return inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(
        getattr(listener, "__call__", None)  # noqa: B004 (an object with `async def __call__`)
    )


def _text(event: Event) -> str | None:
    return event.xml if isinstance(event, StanzaReceived) else None
