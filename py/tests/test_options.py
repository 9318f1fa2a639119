"""Options: a dict as in lib-jitsi-meet, or keywords; checked at construction."""

from __future__ import annotations

from typing import Any

import pytest

import jitsimeet
from jitsimeet import InvalidOptionError, JitsiConnection, JitsiError

OPTIONS: dict[str, Any] = {"serviceUrl": "ws://127.0.0.1:1/", "hosts": {"domain": "meet.example"}}


def test_lib_jitsi_meets_keys_are_accepted() -> None:
    JitsiConnection(None, None, OPTIONS)


def test_keywords_are_the_same_options_in_snake_case() -> None:
    JitsiConnection(
        service_url="ws://127.0.0.1:1/",
        hosts={"domain": "meet.example"},
        transport={"connect_timeout": 1000},
    )
    with pytest.raises(InvalidOptionError, match=r"transport\.connectTimeout"):
        JitsiConnection(options=OPTIONS, transport={"connect_timeout": "soon"})


@pytest.mark.parametrize(
    "keywords",
    [
        {"name": "room", "conference_request_url": "https://meet.example/request", "disable_focus": True},
        {"hosts": {"domain": "meet.example", "muc": "rooms.example", "focus": "focus.example"}},
        {"focus_user_jid": "focus@auth.meet.example", "prefer_visitor": True, "i_am_sip_gateway": True},
        {"i_am_recorder": True, "start_audio_muted": True, "start_video_muted": 5},
        {"websocket_keep_alive": -1, "websocket_keep_alive_url": "https://meet.example/", "http_timeout": 1},
        {"deployment_info": {"shard": "one", "region": "eu"}, "analytics": {"rtcstats_enabled": True}},
        {"p2p_stun_servers": [{"urls": "stun:h"}], "p2p": {"stun_servers": [{"urls": ["stun:h"]}]}},
        {"media_features": True, "flags": {"ssrc_rewriting_enabled": True}, "logs": {"max_entries": 0}},
        {"testing": {"enable_graceful_reconnect": True}},
    ],
)
def test_keywords_of_the_deployment_and_of_the_conference_are_accepted(keywords: dict[str, Any]) -> None:
    JitsiConnection(options=OPTIONS, **keywords)


@pytest.mark.parametrize(
    ("keywords", "key"),
    [
        ({"conference_request_url": "ftp://meet.example/"}, "conferenceRequestUrl"),
        ({"websocket_keep_alive": -2}, "websocketKeepAlive"),
        ({"websocket_keep_alive_url": "meet.example"}, "websocketKeepAliveUrl"),
        ({"name": "a room"}, "name"),
        ({"p2p_stun_servers": [{"url": "stun:h"}]}, "p2pStunServers"),
        ({"p2p": {"stun_servers": "stun:h"}}, "p2p.stunServers"),
        ({"deployment_info": {"shard": 1}}, "deploymentInfo.shard"),
        ({"logs": {"max_bytes": -1}}, "logs.maxBytes"),
    ],
)
def test_keywords_of_the_deployment_and_of_the_conference_are_checked(
    keywords: dict[str, Any], key: str
) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        JitsiConnection(options=OPTIONS, **keywords)
    assert caught.value.key == key


def test_keywords_win_over_the_dict() -> None:
    with pytest.raises(InvalidOptionError, match="scheme"):
        JitsiConnection(options=OPTIONS, service_url="gopher://meet.example/")
    JitsiConnection(options={**OPTIONS, "serviceUrl": "gopher://meet.example/"}, service_url="ws://h/")


def test_keys_that_are_not_known_are_ignored_in_the_dict() -> None:
    JitsiConnection(options={**OPTIONS, "resolution": 720, "future": [{"a": (1, 2.5, None, True)}]})


def test_a_keyword_that_is_not_known_is_a_type_error_that_names_it_and_its_neighbour() -> None:
    with pytest.raises(TypeError, match=r"servce_url.*did you mean `service_url`"):
        JitsiConnection(servce_url="ws://127.0.0.1:1/")
    with pytest.raises(TypeError, match=r"serviceUrl.*did you mean `service_url`"):
        JitsiConnection(serviceUrl="ws://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"hosts": {"domain": "meet.example"}}, "serviceUrl"),
        ({"serviceUrl": "ws://127.0.0.1:1/"}, "hosts.domain"),
        ({**OPTIONS, "serviceUrl": 5}, "serviceUrl"),
        ({**OPTIONS, "serviceUrl": "meet.example"}, "serviceUrl"),
        ({**OPTIONS, "hosts": "meet.example"}, "hosts"),
        ({**OPTIONS, "hosts": {"domain": ["meet.example"]}}, "hosts.domain"),
        ({**OPTIONS, "loginTimeout": True}, "loginTimeout"),
        ({**OPTIONS, "loginTimeout": 1.5}, "loginTimeout"),
        ({**OPTIONS, "loginTimeout": float("nan")}, "loginTimeout"),
        ({**OPTIONS, "loginTimeout": 2**64}, "loginTimeout"),
        ({**OPTIONS, "tls": {"caCertificates": "not PEM"}}, "tls.caCertificates"),
    ],
)
def test_what_is_missing_or_unusable_is_an_invalid_option_with_its_key(
    options: dict[str, Any], key: str
) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        JitsiConnection(options=options)
    assert caught.value.key == key
    assert key in str(caught.value)
    assert isinstance(caught.value, JitsiError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "value", [object(), {1}, b"bytes", [object()], {"a": {"b": object()}}, {1: 2}, {"a": {1: 2}}]
)
def test_what_json_has_no_word_for_is_a_type_error_that_names_the_key(value: object) -> None:
    with pytest.raises(TypeError, match="option `flags"):
        JitsiConnection(options={**OPTIONS, "flags": value})


def test_a_dict_that_contains_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(InvalidOptionError, match="nested too deeply"):
        JitsiConnection(options=endless)


def test_app_id_and_token_are_strings() -> None:
    with pytest.raises(TypeError, match="app_id"):
        JitsiConnection(app_id=5, options=OPTIONS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="token"):
        JitsiConnection(token=b"jwt", options=OPTIONS)  # type: ignore[arg-type]


def test_init_takes_options_of_the_process_and_ignores_those_of_connections() -> None:
    jitsimeet.shutdown()
    jitsimeet.init(worker_threads=1, service_url="ws://127.0.0.1:1/", disable_audio_levels=True)
    jitsimeet.init(worker_threads=2)


def test_init_checks_its_options() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        jitsimeet.init(worker_threads=0)
    assert caught.value.key == "workerThreads"
    with pytest.raises(TypeError, match="worker_thread"):
        jitsimeet.init(worker_thread=1)
