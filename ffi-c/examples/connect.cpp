// Connects as a guest with the C++17 header, asks the server for its features, and disconnects: once with futures, once
// with callbacks that never throw.
//
//   SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org ./connect
//
//   c++ -std=c++17 ffi-c/examples/connect.cpp $(pkg-config --cflags --libs jitsimeet) -o connect
#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>

#include <jitsimeet.hpp>

namespace {

std::string required(const char *name) {
    const char *value = std::getenv(name);
    if (value == nullptr) {
        std::cerr << name << " is not set\n";
        std::exit(EXIT_FAILURE);
    }
    return value;
}

void with_futures(const jitsimeet::options &options, const std::string &domain) {
    // The listeners live as long as their connection, and what they refer to must too: it comes first.
    std::atomic<int> stanzas{0};
    jitsimeet::connection connection(options);
    connection.on(JM_EVENT_STANZA_RECEIVED, [&](const jm_event &) { stanzas++; });
    connection.on(JM_EVENT_CONNECTION_DISCONNECTED, [&](const jm_event &) {
        std::cout << "disconnected; stanzas: " << (stanzas > 0 ? "some" : "none") << '\n';
    });

    std::cout << "connected as " << connection.connect_async().get() << '\n';
    auto question = "<iq type='get' to='" + domain + "'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    auto answer = connection.send_iq(question).get();
    std::cout << (answer.find("<feature ") == std::string::npos ? "no features" : "features") << '\n';
    connection.disconnect().get();
}

// With the error codes alone, as a program does that is compiled without exceptions.
int without_exceptions(const jitsimeet::options &options) {
    std::error_code code;
    std::promise<int> ended;
    jitsimeet::connection connection(options, {}, code);
    if (code) {
        std::cerr << code.message() << ": " << jitsimeet::last_error() << '\n';
        return EXIT_FAILURE;
    }
    auto disconnected = [&](std::error_code status) { ended.set_value(status ? EXIT_FAILURE : EXIT_SUCCESS); };
    auto connected = [&](const jm_event &completion) {
        if (completion.status != JM_OK) {
            std::cerr << jitsimeet::view(completion.message) << '\n';
            return ended.set_value(EXIT_FAILURE);
        }
        std::cout << "connected as " << jitsimeet::view(completion.jid) << '\n';
        std::error_code refused;
        connection.disconnect(disconnected, refused);
    };
    connection.connect({}, connected, code);
    return code ? EXIT_FAILURE : ended.get_future().get();
}

} // namespace

int main() {
    try {
        auto domain = required("DOMAIN");
        jitsimeet::options options;
        options.set("serviceUrl", required("SERVICE_URL")).set("hosts.domain", domain);
        with_futures(options, domain);
        auto status = without_exceptions(options);
        jitsimeet::shutdown(std::chrono::seconds(2));
        return status;
    } catch (const jitsimeet::connection_error &error) {
        std::cerr << error.text() << (error.transient ? " (trying again may help)\n" : "\n");
    } catch (const jitsimeet::error &error) {
        std::cerr << error.what() << '\n';
    }
    return EXIT_FAILURE;
}
