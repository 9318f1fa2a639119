// The C++ header: ownership, errors, futures. What the calls do is tested in C.
#include <atomic>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

#include <jitsimeet.hpp>

#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " #condition "\n(last error: " << jm_last_error() << ")\n"; \
            std::exit(EXIT_FAILURE);                                                                                 \
        }                                                                                                            \
    } while (0)

using namespace std::chrono_literals;
using jitsimeet::connection;
using jitsimeet::queue;
using jitsimeet::queued_connection;

static_assert(std::is_nothrow_move_constructible_v<connection> && !std::is_copy_constructible_v<connection>);
static_assert(std::is_nothrow_move_constructible_v<queued_connection>);
static_assert(std::is_nothrow_move_constructible_v<queue> && !std::is_copy_constructible_v<queue>);
static_assert(std::is_nothrow_move_assignable_v<jitsimeet::options> && !std::is_copy_assignable_v<jitsimeet::options>);

namespace {

jitsimeet::options options_for(const char *service_url) {
    jitsimeet::options options;
    std::error_code code;
    options.set("serviceUrl", service_url, code);
    CHECK(!code);
    options.set("hosts.domain", "meet.example", code);
    CHECK(!code);
    options.set("loginTimeout", 14000, code);
    CHECK(!code);
    options.set("mediaFeatures", false, code);
    CHECK(!code);
    options.set_json("sasl", "{\"mechanisms\": [\"ANONYMOUS\"]}", code);
    CHECK(!code);
    return options;
}

jitsimeet::options options() { return options_for(std::getenv("SERVICE_URL")); }

void errors_are_codes() {
    std::error_code code;
    auto settings = options();
    settings.set("hosts.domian", "meet.example", code);
    CHECK(code.value() == JM_STATUS_INVALID_OPTION && code.category() == jitsimeet::category());
    CHECK(code.message() == jm_strerror(JM_STATUS_INVALID_OPTION));
    CHECK(std::strstr(jitsimeet::last_error(), "hosts.domian") != nullptr);
    connection refused(jitsimeet::options(), {}, code);
    CHECK(code.value() == JM_STATUS_INVALID_OPTION && !refused);
    // A null connection refuses everything.
    refused.connect({}, code);
    CHECK(code.value() == JM_STATUS_INVALID_ARGUMENT);
    CHECK(refused.jid().empty() && refused.state() == JM_STATUS_INVALID_ARGUMENT);
    connection other(settings, {}, code);
    CHECK(!code && other.state() == JM_STATE_IDLE);
    connection taken = std::move(other);
    CHECK(taken && !other && taken.id() != 0);
    // A refused call has no completion, and drops its callable.
    auto kept = std::make_shared<int>(0);
    taken.ping(1s, [kept](const jm_event &) {}, code);
    CHECK(!code);
    taken.send_stanza("<nonsense", [kept](std::error_code) {}, code);
    CHECK(code.value() == JM_STATUS_INVALID_STANZA);
    jitsimeet::shutdown(5s, code);
    CHECK(!code && kept.use_count() == 1);
}

void listeners_are_destroyed() {
    std::error_code code;
    auto kept = std::make_shared<int>(0);
    {
        connection made(options(), {}, code);
        auto token = made.on(JM_EVENT_CONNECTION_FAILED, [kept](const jm_event &) {}, code);
        CHECK(!code && token != 0 && kept.use_count() == 2);
        made.remove_listener(token, code);
        CHECK(!code && kept.use_count() == 1);
        made.remove_listener(token, code);
        CHECK(code.value() == JM_STATUS_INVALID_ARGUMENT);
        made.on(4711, [kept](const jm_event &) {}, code);
        CHECK(code.value() == JM_STATUS_INVALID_ARGUMENT && kept.use_count() == 1);
        made.on(JM_EVENT_CONNECTION_FAILED, [kept](const jm_event &) {}, code);
        CHECK(!code && kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
    jitsimeet::set_log_callback([kept](const jm_log_record &) {}, code);
    CHECK(!code && kept.use_count() == 2);
    jitsimeet::set_log_callback(nullptr, code);
    CHECK(!code && kept.use_count() == 1);
    jitsimeet::shutdown(5s, code);
    CHECK(!code);
}

void a_queue_serves_connections() {
    std::error_code code;
    queue events(code);
    CHECK(!code && events.fd() >= 0);
    CHECK(events.next(0ms, code) == nullptr && !code);
    queued_connection made(options(), events, {}, code);
    CHECK(!code);
    made.connect({}, code);
    CHECK(!code);
    auto event = events.next(std::chrono::hours(1000), code);
    CHECK(!code && event->type == JM_EVENT_CONNECTION_ESTABLISHED && event->connection == made.get());
    int tag = 0;
    made.ping(-1ms, &tag, code);
    CHECK(!code);
    event = events.next(-1ms, code);
    CHECK(event->type == JM_EVENT_COMPLETION && event->user_data == &tag && event->round_trip_ms > 0);
    made.disconnect(&tag, code);
    CHECK(!code && events.next(-1ms, code)->type == JM_EVENT_CONNECTION_DISCONNECTED);
    CHECK(events.next(-1ms, code)->user_data == &tag);
    jitsimeet::shutdown(5s, code);
    CHECK(!code);
}

#ifndef JITSIMEET_NO_EXCEPTIONS
template <typename E, typename F> E thrown(F call) {
    try {
        call();
    } catch (const E &error) {
        return error;
    }
    CHECK(!"nothing was thrown");
    std::abort();
}

void futures_have_values_and_errors() {
    connection made(options());
    CHECK(thrown<jitsimeet::error>([&] { made.send_stanza("<presence/>").get(); }).status() == JM_STATUS_NOT_CONNECTED);
    auto jid = made.connect_async().get();
    CHECK(!jid.empty() && jid == made.jid());
    CHECK(thrown<jitsimeet::error>([&] { made.connect_async(); }).status() == JM_STATUS_INVALID_STATE);
    CHECK(made.ping().get().count() > 0);
    made.send_stanza("<message to='" + jid + "'><body>hello</body></message>").get();
    CHECK(made.send_iq("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>").get().find("result") != std::string::npos);
    CHECK(made.send_conference_request("room").get().find("\"properties\"") != std::string::npos);
    made.disconnect().get();
    CHECK(made.state() == JM_STATE_IDLE);

    connection lost(options_for("ws://127.0.0.1:1/"));
    auto error = thrown<jitsimeet::connection_error>([&] { lost.connect_async().get(); });
    CHECK(error.status() == JM_STATUS_CONNECTION_FAILED && error.reason == JM_CODE_REFUSED && error.transient);
    CHECK(error.error_type == JM_ERROR_TYPE_OTHER_ERROR && !error.text().empty());
    CHECK(thrown<jitsimeet::error>([] { jitsimeet::options().set("no", "key"); }).status() == JM_STATUS_INVALID_OPTION);

    std::future<std::string> abandoned;
    {
        connection gone(options());
        abandoned = gone.connect_async();
    }
    CHECK(thrown<jitsimeet::error>([&] { abandoned.get(); }).status() == JM_STATUS_ABORTED);
    jitsimeet::shutdown(5s);
}
#endif

} // namespace

int main() {
    errors_are_codes();
    listeners_are_destroyed();
    a_queue_serves_connections();
#ifndef JITSIMEET_NO_EXCEPTIONS
    futures_have_values_and_errors();
#endif
    std::cout << "ok\n";
}
