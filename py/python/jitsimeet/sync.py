"""The blocking twin of ``jitsimeet.JitsiConnection``, for scripts and for programs with threads.

::

    from jitsimeet.sync import JitsiConnection

    with JitsiConnection(
        service_url="wss://meet.example.org/xmpp-websocket",
        hosts={"domain": "meet.example.org"},
    ) as connection:
        print("connected as", connection.connect(timeout=10))

The same names, options, events and exceptions as with asyncio. Any thread may call, and may be interrupted by Ctrl-C
while it waits.

All listeners are called on one thread, the daemon ``jitsimeet-events``: one that blocks holds up those of other
connections, and the calls that wait for them. A call returns after the listeners have been told what it caused. From a
listener every call is allowed, but for those that wait for the connection whose event it is called with: these are a
``RuntimeError``, as they would wait for themselves.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _logging, _native, _process
from ._base import BaseConnection
from ._events import ConnectionEvent, Event
from ._listeners import Listener, Listeners, Stream, is_async
from ._values import Conference

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._events import Item

__all__ = ["EventStream", "JitsiConnection"]

_ITEMS_PER_TURN = 64


class _Hub:
    """Everything between the engine and one connection.

    A hub each, so that a listener can wait for another connection than its own: then it drains that one alone.
    """

    def __init__(self, connection: JitsiConnection) -> None:
        # Weak, both: what may come keeps nothing.
        self._connection = weakref.ref(connection)
        weak_self = weakref.ref(self)

        def wake() -> None:
            hub = weak_self()
            if hub is not None:
                _events.put(hub)

        self.native = _native.Hub(wake)
        self.calls: dict[int, concurrent.futures.Future[Any]] = {}
        self.tokens = itertools.count(1)
        # An event of this connection is with its listeners.
        self.delivering = False

    def drain(self) -> None:
        """Deliver some of what there is, on the thread of the listeners."""
        _logging.follow_level()
        items, more = self.native.drain(_ITEMS_PER_TURN)
        self.delivering = True
        try:
            for item in items:
                self._deliver(item)
        finally:
            self.delivering = False
        if more:
            _events.put(self)

    def _deliver(self, item: Item) -> None:
        if item[1] is None:
            connection = self._connection()
            if connection is not None:
                connection._deliver(item[2])
            return
        future = self.calls.pop(item[1], None)
        if future is None:
            return  # Nobody waits any more.
        if isinstance(item[2], Exception):
            future.set_exception(item[2])
        else:
            future.set_result(item[2])


class _EventsThread:
    """The one thread on which listeners are called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._own = threading.local()
        # A thread is one that is to end.
        self._ready: queue.SimpleQueue[_Hub | threading.Thread] = queue.SimpleQueue()

    def start(self) -> None:
        """Start the thread unless it runs."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jitsimeet-events", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread, once it has delivered what there is."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._ready.put(thread)
            if thread is not threading.current_thread():
                thread.join()

    def put(self, hub: _Hub) -> None:
        """Have a hub drained."""
        self._ready.put(hub)

    def is_current(self) -> bool:
        """Tell whether this is the thread."""
        return getattr(self._own, "is_events", False)

    def _run(self) -> None:
        self._own.is_events = True
        this = threading.current_thread()
        while True:
            item = self._ready.get()
            if isinstance(item, _Hub):
                item.drain()
            elif item is this and self._ready.empty():
                return
            else:
                # Behind what is to be drained; or for the thread of before, which is still in a listener.
                self._ready.put(item)
            # Not kept until the next comes.
            del item

    def run_until(self, future: concurrent.futures.Future[Any], own: _Hub, timeout: float | None) -> None:
        """Drain one hub, in a listener of another, until the future is done or the time is up."""
        deadline = None if timeout is None else time.monotonic() + timeout
        others: list[_Hub | threading.Thread] = []
        try:
            while not future.done():
                left = None if deadline is None else max(deadline - time.monotonic(), 0)
                try:
                    item = self._ready.get(timeout=left)
                except queue.Empty:
                    return
                if item is own:
                    own.drain()
                else:
                    others.append(item)
        finally:
            for other in others:
                self._ready.put(other)


_events = _EventsThread()
_process.at_shutdown.append(lambda: _events.stop())


def _forget_thread() -> None:
    """In a fork, where it does not run."""
    global _events
    _events = _EventsThread()


os.register_at_fork(after_in_child=_forget_thread)


class _ThreadListeners(Listeners):
    """Plain functions, called on the thread of the listeners."""

    def _call_for(self, listener: Listener) -> Listener:
        if is_async(listener):
            raise TypeError("an async def listener needs an event loop: use jitsimeet.JitsiConnection")
        return listener

    def _call(self, call: Listener, event: Event) -> None:
        try:
            call(event)
        except BaseException:
            # As of a thread that ends by an exception; this one goes on.
            kind, value, traceback = sys.exc_info()
            assert kind is not None
            threading.excepthook(
                threading.ExceptHookArgs((kind, value, traceback, threading.current_thread()))
            )


class JitsiConnection(BaseConnection):
    """A connection to a Jitsi Meet deployment, blocking.

    The options are those of :class:`jitsimeet.JitsiConnection`. As a context manager it disconnects at the end of the
    block.

    Every call that waits takes ``timeout``, in seconds, and raises the builtin ``TimeoutError`` when it is over; with
    ``None`` it waits as long as the engine does, which has a deadline for everything (see the options). Unless said
    otherwise, giving up is giving up waiting alone.

    Keep a reference while you need it: a connection that is dropped closes in the background and tells nobody, and if
    it is open then, it is a ``ResourceWarning``.
    """

    _listeners_class = _ThreadListeners

    def __init__(
        self,
        app_id: str | None = None,
        token: str | None = None,
        options: dict[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(app_id, token, options, **keywords)
        self._hub = _Hub(self)
        self._attach(self._hub.native)

    def connect(
        self,
        *,
        id: str | None = None,  # noqa: A002 (lib-jitsi-meet's name)
        password: str | None = None,
        name: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """Connect, and return the full JID. As :meth:`jitsimeet.JitsiConnection.connect`, with the same exceptions.

        Giving up, by ``timeout`` or Ctrl-C, disconnects.
        """
        return self._begin(lambda call: self._native.connect(id, password, name, call), timeout)

    def attach(self, *, jid: str, sid: str, rid: int | str, timeout: float | None = None) -> str:
        """Go on with a BOSH session that someone else has set up. As :meth:`jitsimeet.JitsiConnection.attach`.

        Returns the full JID once the server has answered in the session. Giving up, by ``timeout`` or Ctrl-C,
        disconnects.
        """
        return self._begin(lambda call: self._native.attach_session(jid, sid, str(rid), call), timeout)

    def _begin(self, start: Callable[[int], None], timeout: float | None) -> str:
        try:
            jid: str = self._call(start, timeout)
        except TimeoutError:
            self.disconnect()
            raise
        except KeyboardInterrupt:
            self._native.disconnect(next(self._hub.tokens))
            raise
        return jid

    def disconnect(self, timeout: float | None = None) -> None:
        """Close the connection in an orderly way, or give up the attempt under way. Of an idle connection: nothing.

        Returns after the listeners of ``CONNECTION_DISCONNECTED`` have been called.
        """
        self._call(self._native.disconnect, timeout)

    def refresh_token(self, token: str, timeout: float | None = None) -> None:
        """Go on with another token: see :meth:`jitsimeet.JitsiConnection.refresh_token`."""
        self._call(lambda call: self._native.refresh_token(token, call), timeout)

    def send_stanza(self, xml: str, timeout: float | None = None) -> None:
        """Send a stanza, and wait for its acknowledgement: see :meth:`jitsimeet.JitsiConnection.send_stanza`."""
        self._call(lambda call: self._native.send_stanza(xml, call), timeout)

    def send_iq(self, xml: str, timeout: float | None = None) -> str:
        """Send a request and return the answer: see :meth:`jitsimeet.JitsiConnection.send_iq`.

        ``timeout`` is in seconds; ``None`` is the option ``iq_timeout``.
        """
        answer: str = self._call(lambda call: self._native.send_iq(xml, timeout, call), None)
        return answer

    def ping(self, timeout: float | None = None) -> float:
        """Ask the server whether it is there: see :meth:`jitsimeet.JitsiConnection.ping`.

        ``timeout`` is in seconds; ``None`` is the option ``iq_timeout``.
        """
        round_trip: float = self._call(lambda call: self._native.ping(timeout, call), None)
        return round_trip

    def send_conference_request(self, room: str, timeout: float | None = None) -> Conference:
        """Ask the focus to be in a room: see :meth:`jitsimeet.JitsiConnection.send_conference_request`."""
        conference: Conference = self._call(
            lambda call: self._native.send_conference_request(room, call), timeout
        )
        return conference

    def events(self, *kinds: ConnectionEvent | str, timeout: float | None = None) -> EventStream:
        """Return an iterator of the events from now on, in order: of these kinds, or of all.

        It ends behind the event that ends the connection (failed, disconnected, or redirected before it was
        established). ``timeout`` is how many seconds it waits for the next event, and raises ``TimeoutError``; the
        iteration may go on then. What has not been taken from it counts in the option ``event_queue``.

        Raises ``ValueError`` for an event that is not known. From a listener of the same connection, waiting for an
        event is a ``RuntimeError``.
        """
        stream = EventStream(self, kinds, timeout)
        self._tell_listening()
        return stream

    def __enter__(self) -> Self:
        """Return the connection as it is: this does not connect."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        self.disconnect()

    def _call(self, start: Callable[[int], None], timeout: float | None) -> Any:
        """Start a call of the engine and wait for its outcome."""
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout: {timeout} is no time to wait")
        in_listener = self._check_listener()
        _logging.follow_level()
        _events.start()
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        token = next(self._hub.tokens)
        self._hub.calls[token] = future
        try:
            start(token)
            if in_listener:
                _events.run_until(future, self._hub, timeout)
                return future.result(0)
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise  # The engine's.
            raise TimeoutError(f"no outcome within {timeout} seconds") from None
        finally:
            self._hub.calls.pop(token, None)

    def _check_listener(self) -> bool:
        """Tell whether this is called from a listener, which must not be one of this connection."""
        current = _events.is_current()
        if current and self._hub.delivering:
            raise RuntimeError("a listener cannot wait for the connection that it is called by")
        return current


class EventStream(Stream):
    """What :meth:`JitsiConnection.events` returns: an iterator, and a context manager that ends it."""

    def __init__(
        self, connection: JitsiConnection, kinds: tuple[ConnectionEvent | str, ...], timeout: float | None
    ) -> None:
        self._check_listener = connection._check_listener
        self._timeout = timeout
        self._changed = threading.Condition()
        super().__init__(connection, kinds)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._check_listener():
            raise RuntimeError("a listener cannot wait for events, which come through its own thread")
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        with self._changed:
            while (event := self._take()) is None:
                if self._ended:
                    raise StopIteration
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"no event within {self._timeout} seconds")
                self._changed.wait(left)
        return event

    def close(self) -> None:
        """End the iteration, and forget what has not been taken."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
