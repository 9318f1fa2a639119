"""What the library logs goes where Python's logging sends it."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import jitsimeet
from conftest import PASSWORD, TEST_TIMEOUT, Server
from jitsimeet import InvalidOptionError, JitsiConnection, _logging, _native

LOGGER = logging.getLogger("jitsimeet")


class Records(logging.Handler):
    """Keeps what it is given, and on which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.threads: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.threads.add(threading.get_ident())
        self.records.append(record)

    def levels(self) -> set[int]:
        return {record.levelno for record in self.records}


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    LOGGER.addHandler(handler)
    yield handler
    jitsimeet.shutdown()
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(logging.NOTSET)
    _logging.follow_level()


async def session(server: Server) -> JitsiConnection:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        pass
    # What is still to be delivered is delivered then.
    await asyncio.to_thread(jitsimeet.shutdown)
    return connection


async def test_records_name_their_connection(server: Server, records: Records) -> None:
    LOGGER.setLevel(logging.DEBUG)
    connection = await session(server)
    numbers = {vars(record)["connection_id"] for record in records.records}
    assert {f"{number}" for number in numbers - {None}} == {repr(connection).split()[1]}
    assert records.threads.isdisjoint({threading.get_ident()})
    assert len(records.threads) == 1
    assert {record.name for record in records.records} == {"jitsimeet"}


@pytest.mark.parametrize(
    ("level", "engine"),
    [
        (logging.NOTSET + 1, "trace"),
        (logging.DEBUG, "debug"),
        (logging.INFO, "info"),
        (logging.INFO + 1, "warn"),
        (logging.ERROR, "error"),
        (logging.CRITICAL, "off"),
    ],
)
async def test_the_engine_logs_no_more_than_is_wanted(
    server: Server, records: Records, monkeypatch: pytest.MonkeyPatch, level: int, engine: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(_native, "set_log_level", told.append)
    LOGGER.setLevel(logging.FATAL + 1)
    JitsiConnection(options=server.options)
    LOGGER.setLevel(level)
    JitsiConnection(options=server.options)
    assert told[-1] == engine


async def test_a_level_that_is_raised_while_connected_is_followed(server: Server, records: Records) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        assert records.levels() <= {logging.WARNING, logging.ERROR}
        LOGGER.setLevel(logging.DEBUG)
        await connection.ping()
        server.command("cut")
        while logging.DEBUG not in records.levels():
            await asyncio.sleep(0.001)


async def test_a_level_that_is_disabled_for_all_is_not_logged(server: Server, records: Records) -> None:
    LOGGER.setLevel(logging.DEBUG)
    logging.disable()
    try:
        await session(server)
    finally:
        logging.disable(logging.NOTSET)
    assert records.records == []


async def test_init_sets_the_level_of_the_logger(records: Records) -> None:
    jitsimeet.init(log_level="debug")
    assert LOGGER.getEffectiveLevel() == logging.DEBUG
    jitsimeet.init()
    assert LOGGER.getEffectiveLevel() == logging.DEBUG
    jitsimeet.init(log_level="log")
    assert LOGGER.getEffectiveLevel() == logging.WARNING
    jitsimeet.init(log_level="off")
    assert not LOGGER.isEnabledFor(logging.CRITICAL)
    with pytest.raises(InvalidOptionError):
        jitsimeet.init(log_level="loud")


async def test_a_filter_that_raises_costs_no_other_record(
    server: Server, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: raised.append(kind))

    def broken(record: logging.LogRecord) -> bool:
        if not raised:
            raise ZeroDivisionError
        return True

    LOGGER.setLevel(logging.DEBUG)
    LOGGER.addFilter(broken)
    try:
        await session(server)
    finally:
        LOGGER.removeFilter(broken)
    assert raised == [ZeroDivisionError]
    assert records.records != []


async def test_no_secret_is_logged(account_server: Server, records: Records) -> None:
    LOGGER.setLevel(1)
    connection = JitsiConnection(token="a.secret.token", options=account_server.options)
    async with connection.connect(id="user", password=PASSWORD):
        pass
    await asyncio.to_thread(jitsimeet.shutdown)
    text = "\n".join(record.getMessage() for record in records.records)
    assert "user" in text
    assert PASSWORD not in text
    assert "a.secret.token" not in text


def test_a_program_that_does_not_set_up_logging_sees_nothing(server: Server) -> None:
    script = (
        "import asyncio, jitsimeet\n"
        "jitsimeet.init(log_level='trace')\n"
        "async def main():\n"
        f"    async with jitsimeet.JitsiConnection(options={server.options!r}).connect(): pass\n"
        "asyncio.run(main())\n"
    )
    done = run(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_that_sets_it_up_sees_it(server: Server) -> None:
    script = (
        "import asyncio, logging, jitsimeet\n"
        "logging.basicConfig(level=logging.DEBUG, format='%(levelname)s %(name)s %(connection_id)s %(message)s')\n"
        "logging.getLogger('asyncio').setLevel(logging.WARNING)\n"
        "async def main():\n"
        f"    async with jitsimeet.JitsiConnection(options={server.options!r}).connect(): pass\n"
        "asyncio.run(main())\n"
    )
    done = run(script)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(r"^(INFO|DEBUG) jitsimeet \d+ \S", done.stderr, re.MULTILINE)


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=TEST_TIMEOUT, check=False
    )
