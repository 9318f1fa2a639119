// jitsimeet: the C ABI of jitsimeet.h for C++17, header only.
//
// Handles are owned and move-only, texts are views, listeners and completions are any callable, and the asynchronous
// calls return futures. What a call means, and what it promises about threads, is in jitsimeet.h at the function of the
// same name. Link with libjitsimeet as a C program does.
//
// Every call that can fail has a form with a `std::error_code &` as its last parameter, which never throws. Where
// exceptions are enabled it also has a form without, which throws `jitsimeet::error`; `JITSIMEET_NO_EXCEPTIONS` hides
// those forms, and the futures with them.
//
// What an application's callable throws cannot pass through C: it ends the program (std::terminate).
#ifndef JITSIMEET_HPP
#define JITSIMEET_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "jitsimeet.h"

#if !defined(JITSIMEET_NO_EXCEPTIONS) && !defined(__cpp_exceptions)
#define JITSIMEET_NO_EXCEPTIONS
#endif

#ifndef JITSIMEET_NO_EXCEPTIONS
#include <future>
#endif

/// The C++ face of jitsimeet.
namespace jitsimeet {

/// The category of the statuses `JM_STATUS_*`.
inline const std::error_category &category() noexcept {
    class category final : public std::error_category {
        const char *name() const noexcept override { return "jitsimeet"; }
        std::string message(int status) const override { return jm_strerror(status); }
    };
    static const category instance;
    return instance;
}

/// A status as an error code; `JM_OK` is none.
inline std::error_code make_error_code(jm_status status) noexcept { return {status, category()}; }

/// The text of the last call that failed on the calling thread.
inline const char *last_error() noexcept { return jm_last_error(); }

/// A text of the library as a view, empty if it is absent.
inline std::string_view view(const jm_str &text) noexcept {
    return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.len);
}

#ifndef JITSIMEET_NO_EXCEPTIONS
/// Why a call failed: `code()` has the status, `what()` the text.
class error : public std::system_error {
public:
    error(jm_status status, const std::string &text) : std::system_error(make_error_code(status), text), text_(text) {}

    /// `JM_STATUS_*`.
    jm_status status() const noexcept { return code().value(); }
    /// The sentence of the library alone.
    const std::string &text() const noexcept { return text_; }

private:
    std::string text_;
};

/// The attempt to connect or the conference request failed: why, as in `JM_EVENT_CONNECTION_FAILED`.
class connection_error : public error {
public:
    explicit connection_error(const jm_event &event)
        : error(event.status, std::string(view(event.message))), error_type(event.error_type), reason(event.code),
          transient(event.transient != 0), condition(view(event.condition)), http_status(event.http_status) {}

    int32_t error_type;    ///< `JM_ERROR_TYPE_*`
    int32_t reason;        ///< `JM_CODE_*`
    bool transient;        ///< whether trying again later may succeed
    std::string condition; ///< the condition of RFC 6120, if the server named one
    int32_t http_status;   ///< the HTTP status, or 0
};

/// The conference is served elsewhere.
class redirected : public error {
public:
    explicit redirected(const jm_event &event)
        : error(event.status, std::string(view(event.message))), vnode(view(event.vnode)),
          focus_jid(view(event.focus_jid)) {}

    std::string vnode;     ///< the visitor node
    std::string focus_jid; ///< the focus of the conference there, or empty
};
#endif

namespace detail {

inline void set(std::error_code &code, jm_status status) noexcept {
    code = status == JM_OK ? std::error_code() : make_error_code(status);
}

template <typename T, void (*free)(T *)> struct deleter {
    void operator()(T *pointer) const noexcept { free(pointer); }
};
inline void free_event(const jm_event *event) { jm_event_free(event); }

using string = std::unique_ptr<char, deleter<char, jm_string_free>>;

/// `text` is a C string if there is a value, and NULL otherwise.
inline const char *or_null(const std::optional<std::string> &text) noexcept { return text ? text->c_str() : nullptr; }

/// What C takes for a duration: it has 32 bits, and every negative one means the same.
inline int32_t milliseconds(std::chrono::milliseconds duration) noexcept {
    auto count = duration.count();
    return count < 0 ? -1 : count > INT32_MAX ? INT32_MAX : static_cast<int32_t>(count);
}

template <typename F> void destroy(void *user_data) noexcept { delete static_cast<F *>(user_data); }

#ifndef JITSIMEET_NO_EXCEPTIONS
inline void check(jm_status status) {
    if (status != JM_OK) {
        throw error(status, jm_last_error());
    }
}

inline std::exception_ptr exception(const jm_event &completion) {
    switch (completion.status) {
    case JM_STATUS_CONNECTION_FAILED:
    case JM_STATUS_CONFERENCE_REQUEST_FAILED:
        return std::make_exception_ptr(connection_error(completion));
    case JM_STATUS_REDIRECTED:
        return std::make_exception_ptr(redirected(completion));
    default:
        return std::make_exception_ptr(error(completion.status, std::string(view(completion.message))));
    }
}
#endif

} // namespace detail

/// Options of `init` and of connections. Copied by what takes them.
class options {
public:
    options() : handle_(jm_options_new()) {}

    void set(const std::string &key, const char *value, std::error_code &code) noexcept {
        detail::set(code, jm_options_set_string(get(), key.c_str(), value));
    }
    void set(const std::string &key, const std::string &value, std::error_code &code) noexcept {
        set(key, value.c_str(), code);
    }
    /// A `bool` or a whole number.
    template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
    void set(const std::string &key, T value, std::error_code &code) noexcept {
        if constexpr (std::is_same_v<T, bool>) {
            detail::set(code, jm_options_set_bool(get(), key.c_str(), value));
        } else {
            detail::set(code, jm_options_set_int(get(), key.c_str(), static_cast<int64_t>(value)));
        }
    }
    /// A list or an object in JSON. With the empty key a whole `config.js` object is merged.
    void set_json(const std::string &key, std::string_view json, std::error_code &code) noexcept {
        detail::set(code, jm_options_set_json(get(), key.c_str(), json.data(), json.size()));
    }

#ifndef JITSIMEET_NO_EXCEPTIONS
    template <typename T> options &set(const std::string &key, const T &value) {
        std::error_code code;
        set(key, value, code);
        detail::check(code.value());
        return *this;
    }
    options &set_json(const std::string &key, std::string_view json) {
        std::error_code code;
        set_json(key, json, code);
        detail::check(code.value());
        return *this;
    }
#endif

    jm_options *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<jm_options, detail::deleter<jm_options, jm_options_free>> handle_;
};

/// Whom to connect as, and for which room. Nothing is a guest, or the bearer of a token.
struct credentials {
    std::optional<std::string> id;
    std::optional<std::string> password;
    std::optional<std::string> name;
};

/// Takes an event, which is borrowed until it returns.
using listener = std::function<void(const jm_event &)>;
/// Names a listener of a connection.
using listener_token = uint64_t;

/// The events of any number of connections, to be taken one by one.
class queue {
public:
    /// An event of one's own.
    using event = std::unique_ptr<const jm_event, detail::deleter<const jm_event, detail::free_event>>;

    explicit queue(std::error_code &code) noexcept {
        jm_queue *made = nullptr;
        detail::set(code, jm_queue_new(&made));
        handle_.reset(made);
    }
#ifndef JITSIMEET_NO_EXCEPTIONS
    queue() {
        jm_queue *made = nullptr;
        detail::check(jm_queue_new(&made));
        handle_.reset(made);
    }
#endif

    /// Readable while events wait.
    int fd() const noexcept { return jm_queue_fd(get()); }

    /// The next event, or null if none came in time. A negative timeout waits for ever.
    event next(std::chrono::milliseconds timeout, std::error_code &code) noexcept {
        const jm_event *taken = nullptr;
        auto status = jm_queue_next(get(), detail::milliseconds(timeout), &taken);
        detail::set(code, status == JM_STATUS_TIMEOUT ? JM_OK : status);
        return event(taken);
    }
#ifndef JITSIMEET_NO_EXCEPTIONS
    event next(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1)) {
        std::error_code code;
        auto taken = next(timeout, code);
        detail::check(code.value());
        return taken;
    }
#endif

    jm_queue *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<jm_queue, detail::deleter<jm_queue, jm_queue_free>> handle_;
};

/// What connections of both kinds have. A connection that was moved from is null, and every call on it fails.
class basic_connection {
public:
    int32_t state() const noexcept { return jm_connection_state(get()); }
    uint64_t id() const noexcept { return jm_connection_id(get()); }

    /// The full JID; empty while there is none.
    std::string jid() const { return text(jm_connection_jid); }
    std::string times_json() const { return text(jm_connection_times_json); }
    std::string statistics_json() const { return text(jm_connection_statistics_json); }
    std::string logs_json() const { return text(jm_connection_logs_json); }
    std::string properties_json() const { return text(jm_connection_properties_json); }
    std::string ice_servers_json() const { return text(jm_connection_ice_servers_json); }

    void connect(const credentials &who, std::error_code &code) noexcept {
        using detail::or_null;
        detail::set(code, jm_connection_connect(get(), or_null(who.id), or_null(who.password), or_null(who.name)));
    }
    void add_feature(const std::string &feature, bool submit, std::error_code &code) noexcept {
        detail::set(code, jm_connection_add_feature(get(), feature.c_str(), submit));
    }
    void remove_feature(const std::string &feature, bool submit, std::error_code &code) noexcept {
        detail::set(code, jm_connection_remove_feature(get(), feature.c_str(), submit));
    }
#ifndef JITSIMEET_NO_EXCEPTIONS
    /// Starts to connect; the outcome comes as an event.
    void connect(const credentials &who = {}) {
        std::error_code code;
        connect(who, code);
        detail::check(code.value());
    }
    void add_feature(const std::string &feature, bool submit = false) {
        detail::check(jm_connection_add_feature(get(), feature.c_str(), submit));
    }
    void remove_feature(const std::string &feature, bool submit = false) {
        detail::check(jm_connection_remove_feature(get(), feature.c_str(), submit));
    }
#endif

    jm_connection *get() const noexcept { return handle_.get(); }
    explicit operator bool() const noexcept { return handle_ != nullptr; }

protected:
    basic_connection() = default;

    std::unique_ptr<jm_connection, detail::deleter<jm_connection, jm_connection_free>> handle_;

private:
    std::string text(jm_status (*ask)(const jm_connection *, char **)) const {
        char *given = nullptr;
        if (ask(get(), &given) != JM_OK || given == nullptr) {
            return {};
        }
        return detail::string(given).get();
    }
};

/// A connection whose events are taken from a queue, completions included: the `tag` of a call is the `user_data` of its
/// completion.
class queued_connection : public basic_connection {
public:
    queued_connection(const options &options, const queue &queue, const std::optional<std::string> &token,
                      std::error_code &code) noexcept {
        jm_connection *made = nullptr;
        auto token_text = detail::or_null(token);
        detail::set(code, jm_connection_new_with_queue(nullptr, token_text, options.get(), queue.get(), &made));
        handle_.reset(made);
    }
#ifndef JITSIMEET_NO_EXCEPTIONS
    queued_connection(const options &options, const queue &queue, const std::optional<std::string> &token = {}) {
        std::error_code code;
        *this = queued_connection(options, queue, token, code);
        detail::check(code.value());
    }
#endif

    void listen_for_stanzas(bool listening, std::error_code &code) noexcept {
        detail::set(code, jm_connection_set_stanza_listening(get(), listening));
    }
    void disconnect(void *tag, std::error_code &code) noexcept {
        detail::set(code, jm_connection_disconnect(get(), nullptr, tag));
    }
    void refresh_token(const std::string &token, void *tag, std::error_code &code) noexcept {
        detail::set(code, jm_connection_refresh_token(get(), token.c_str(), nullptr, tag));
    }
    void send_stanza(std::string_view xml, void *tag, std::error_code &code) noexcept {
        detail::set(code, jm_connection_send_stanza(get(), xml.data(), xml.size(), nullptr, tag));
    }
    /// A negative timeout stands for the option `iqTimeout`.
    void send_iq(std::string_view xml, std::chrono::milliseconds timeout, void *tag, std::error_code &code) noexcept {
        auto limit = detail::milliseconds(timeout);
        detail::set(code, jm_connection_send_iq(get(), xml.data(), xml.size(), limit, nullptr, tag));
    }
    void ping(std::chrono::milliseconds timeout, void *tag, std::error_code &code) noexcept {
        detail::set(code, jm_connection_ping(get(), detail::milliseconds(timeout), nullptr, tag));
    }
    void send_conference_request(const std::string &room, void *tag, std::error_code &code) noexcept {
        detail::set(code, jm_connection_send_conference_request(get(), room.c_str(), nullptr, tag));
    }
};

/// A connection whose events are passed to listeners, on the dispatcher thread of the library.
///
/// The destructor is `jm_connection_free`: it waits for the callback that runs, unless it is in one.
class connection : public basic_connection {
public:
    /// What a call with a completion calls, once, if it has not failed itself.
    using completion = listener;

    connection(const options &options, const std::optional<std::string> &token, std::error_code &code) noexcept {
        jm_connection *made = nullptr;
        detail::set(code, jm_connection_new(nullptr, detail::or_null(token), options.get(), &made));
        handle_.reset(made);
    }
#ifndef JITSIMEET_NO_EXCEPTIONS
    explicit connection(const options &options, const std::optional<std::string> &token = {}) {
        std::error_code code;
        *this = connection(options, token, code);
        detail::check(code.value());
    }
#endif

    /// Adds a listener for events of one type, `JM_EVENT_*`. It is destroyed after its last call, on the dispatcher.
    listener_token on(int32_t type, listener call, std::error_code &code) {
        listener_token token = 0;
        auto owned = new listener(std::move(call));
        detail::set(code, jm_connection_add_listener(get(), type, call_listener, owned, detail::destroy<listener>, &token));
        return token;
    }
    void remove_listener(listener_token token, std::error_code &code) noexcept {
        detail::set(code, jm_connection_remove_listener(get(), token));
    }

    using basic_connection::connect;
    /// Connects, and tells how that ended.
    void connect(const credentials &who, completion done, std::error_code &code) {
        using detail::or_null;
        start(std::move(done), code, [&](auto call, void *data) {
            return jm_connection_connect_async(get(), or_null(who.id), or_null(who.password), or_null(who.name), call, data);
        });
    }
    void ping(std::chrono::milliseconds timeout, completion done, std::error_code &code) {
        start(std::move(done), code, [&](auto call, void *data) {
            return jm_connection_ping(get(), detail::milliseconds(timeout), call, data);
        });
    }
    void send_conference_request(const std::string &room, completion done, std::error_code &code) {
        start(std::move(done), code, [&](auto call, void *data) {
            return jm_connection_send_conference_request(get(), room.c_str(), call, data);
        });
    }
    void disconnect(std::function<void(std::error_code)> done, std::error_code &code) {
        start(std::move(done), code, [&](auto call, void *data) { return jm_connection_disconnect(get(), call, data); });
    }
    void refresh_token(const std::string &token, std::function<void(std::error_code)> done, std::error_code &code) {
        start(std::move(done), code, [&](auto call, void *data) {
            return jm_connection_refresh_token(get(), token.c_str(), call, data);
        });
    }
    void send_stanza(std::string_view xml, std::function<void(std::error_code)> done, std::error_code &code) {
        start(std::move(done), code, [&](auto call, void *data) {
            return jm_connection_send_stanza(get(), xml.data(), xml.size(), call, data);
        });
    }
    /// `done` gets the answer, empty if there is none. A negative timeout stands for the option `iqTimeout`.
    void send_iq(std::string_view xml, std::chrono::milliseconds timeout,
                 std::function<void(std::error_code, std::string_view)> done, std::error_code &code) {
        start(std::move(done), code, [&](auto call, void *data) {
            auto limit = detail::milliseconds(timeout);
            return jm_connection_send_iq(get(), xml.data(), xml.size(), limit, call, data);
        });
    }

#ifndef JITSIMEET_NO_EXCEPTIONS
    listener_token on(int32_t type, listener call) {
        std::error_code code;
        auto token = on(type, std::move(call), code);
        detail::check(code.value());
        return token;
    }
    void remove_listener(listener_token token) { detail::check(jm_connection_remove_listener(get(), token)); }

    // A future must not be waited for inside a callback: the thread that would settle it is the one that waits. Each call
    // throws what it refuses itself, and the future throws `error`, `connection_error` or `redirected`.

    /// Connects; the future has the full JID that the server has bound.
    std::future<std::string> connect_async(const credentials &who = {}) {
        return future<std::string>([](const jm_event &event) { return std::string(view(event.jid)); },
                                   [&](completion done, std::error_code &code) { connect(who, std::move(done), code); });
    }
    /// The future has how long the answer took.
    std::future<std::chrono::duration<double, std::milli>> ping(std::chrono::milliseconds timeout = no_timeout()) {
        using duration = std::chrono::duration<double, std::milli>;
        return future<duration>([](const jm_event &event) { return duration(event.round_trip_ms); },
                                [&](completion done, std::error_code &code) { ping(timeout, std::move(done), code); });
    }
    /// The future has the conference, as a JSON object.
    std::future<std::string> send_conference_request(const std::string &room) {
        return future<std::string>(
            [](const jm_event &event) { return std::string(view(event.conference_json)); },
            [&](completion done, std::error_code &code) { send_conference_request(room, std::move(done), code); });
    }
    std::future<void> disconnect() {
        return plain([&](auto done, std::error_code &code) { disconnect(std::move(done), code); });
    }
    std::future<void> refresh_token(const std::string &token) {
        return plain([&](auto done, std::error_code &code) { refresh_token(token, std::move(done), code); });
    }
    /// The future is ready when the server has acknowledged the stanza.
    std::future<void> send_stanza(std::string_view xml) {
        return plain([&](auto done, std::error_code &code) { send_stanza(xml, std::move(done), code); });
    }
    /// The future has the answer, a result or an error, as XML.
    std::future<std::string> send_iq(std::string_view xml, std::chrono::milliseconds timeout = no_timeout()) {
        auto promise = std::make_shared<std::promise<std::string>>();
        std::error_code code;
        send_iq(
            xml, timeout,
            [promise](std::error_code status, std::string_view answer) {
                status ? promise->set_exception(std::make_exception_ptr(error(status.value(), status.message())))
                       : promise->set_value(std::string(answer));
            },
            code);
        detail::check(code.value());
        return promise->get_future();
    }
#endif

private:
    static constexpr std::chrono::milliseconds no_timeout() noexcept { return std::chrono::milliseconds(-1); }

    static void call_listener(void *user_data, const jm_event *event) noexcept {
        (*static_cast<listener *>(user_data))(*event);
    }

    // One for each form of completion in C; all are called once, and then done with.
    static void complete(void *user_data, const jm_event *event) noexcept {
        std::unique_ptr<completion> done(static_cast<completion *>(user_data));
        (*done)(*event);
    }
    static void complete(void *user_data, jm_status status) noexcept {
        using function = std::function<void(std::error_code)>;
        std::unique_ptr<function> done(static_cast<function *>(user_data));
        (*done)(status == JM_OK ? std::error_code() : make_error_code(status));
    }
    static void complete(void *user_data, jm_status status, jm_str answer) noexcept {
        using function = std::function<void(std::error_code, std::string_view)>;
        std::unique_ptr<function> done(static_cast<function *>(user_data));
        (*done)(status == JM_OK ? std::error_code() : make_error_code(status), view(answer));
    }

    template <typename... Arguments, typename Call>
    void start(std::function<void(Arguments...)> done, std::error_code &code, Call call) {
        using function = std::function<void(Arguments...)>;
        if (!done) {
            return detail::set(code, call(nullptr, nullptr));
        }
        auto owned = std::make_unique<function>(std::move(done));
        auto status = call(pointer(owned.get()), owned.get());
        if (status == JM_OK) {
            // It belongs to the call under way, and may be gone by now.
            owned.release();
        }
        detail::set(code, status);
    }

    static jm_completion_fn pointer(completion *) noexcept { return complete; }
    static jm_done_fn pointer(std::function<void(std::error_code)> *) noexcept { return complete; }
    static jm_answer_fn pointer(std::function<void(std::error_code, std::string_view)> *) noexcept { return complete; }

#ifndef JITSIMEET_NO_EXCEPTIONS
    template <typename T, typename Read, typename Start> static std::future<T> future(Read read, Start start) {
        auto promise = std::make_shared<std::promise<T>>();
        std::error_code code;
        start(
            [promise, read](const jm_event &event) {
                event.status == JM_OK ? promise->set_value(read(event)) : promise->set_exception(detail::exception(event));
            },
            code);
        detail::check(code.value());
        return promise->get_future();
    }

    template <typename Start> static std::future<void> plain(Start start) {
        auto promise = std::make_shared<std::promise<void>>();
        std::error_code code;
        start(std::function<void(std::error_code)>([promise](std::error_code status) {
                  status ? promise->set_exception(std::make_exception_ptr(error(status.value(), status.message())))
                         : promise->set_value();
              }),
              code);
        detail::check(code.value());
        return promise->get_future();
    }
#endif
};

/// Sets what holds for the whole process.
inline void init(const options &options, std::error_code &code) noexcept { detail::set(code, jm_init(options.get())); }

/// Closes all connections and joins all threads of the library.
inline void shutdown(std::chrono::milliseconds timeout, std::error_code &code) noexcept {
    detail::set(code, jm_shutdown(detail::milliseconds(timeout)));
}

/// Passes what the library logs to `log`; a null function ends it.
inline void set_log_callback(std::function<void(const jm_log_record &)> log, std::error_code &code) {
    using function = std::function<void(const jm_log_record &)>;
    if (!log) {
        return detail::set(code, jm_set_log_callback(nullptr, nullptr, nullptr));
    }
    jm_log_fn call = [](void *user_data, const jm_log_record *record) noexcept {
        (*static_cast<function *>(user_data))(*record);
    };
    detail::set(code, jm_set_log_callback(call, new function(std::move(log)), detail::destroy<function>));
}

#ifndef JITSIMEET_NO_EXCEPTIONS
inline void init(const options &options) { detail::check(jm_init(options.get())); }

inline void shutdown(std::chrono::milliseconds timeout) {
    detail::check(jm_shutdown(detail::milliseconds(timeout)));
}

inline void set_log_callback(std::function<void(const jm_log_record &)> log) {
    std::error_code code;
    set_log_callback(std::move(log), code);
    detail::check(code.value());
}
#endif

} // namespace jitsimeet

#endif
