/* Connecting, disconnecting and what callers are told about it. */
#include <time.h>

#include "support.h"

#define REFUSING "ws://127.0.0.1:1/xmpp-websocket"

static void on_second_done(void *user_data, jm_status status) {
    note((struct record *)user_data, status == JM_OK ? ':' : '!');
}

static void the_completion_follows_the_event(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    CHECK(jm_connection_disconnect(connection, on_second_done, &record) == JM_OK);
    wait_for(&record, ':');
    jm_connection_free(connection);
    CHECK(has(&record, "ed.:"));
}

static void a_connection_can_be_used_again(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    for (int round = 0; round < 3; round++) {
        memset(record.what, 0, sizeof record.what);
        CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
        wait_for(&record, 'e');
        CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
        wait_for(&record, '.');
        CHECK(has(&record, "ed."));
    }
    jm_connection_free(connection);
}

static void connecting_twice_is_refused(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_STATUS_INVALID_STATE);
    wait_for(&record, 'e');
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_STATUS_INVALID_STATE);
    ERROR_HAS("connected");
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    CHECK(has(&record, "ed."));
}

static void disconnecting_an_idle_connection_completes_without_an_event(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    jm_connection_free(connection);
    CHECK(has(&record, "."));
}

/* The server accepts and says nothing. */
static void disconnecting_gives_up_an_attempt(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    CHECK(has(&record, "d."));
}

static void check_refused(void *user_data, const jm_event *event) {
    CHECK(event->error_type == JM_ERROR_TYPE_OTHER_ERROR);
    CHECK(strcmp(event->error_type_name.data, "connection.otherError") == 0);
    CHECK(event->code == JM_CODE_REFUSED);
    CHECK(strcmp(event->code_name.data, "refused") == 0);
    CHECK(strcmp(event->name.data, "connection.connectionFailed") == 0);
    CHECK(event->name.len == strlen(event->name.data));
    CHECK(strstr(event->message.data, "127.0.0.1:1") != NULL);
    CHECK(event->transient == 1);
    CHECK(event->http_status == 0);
    CHECK(event->jid.data == NULL && event->jid.len == 0);
    CHECK(event->id.data == NULL && event->condition.data == NULL && event->server_text.data == NULL);
    note((struct record *)user_data, 'r');
}

static void a_refused_port_is_one_failed_event(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_to(REFUSING);
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, check_refused, &record, NULL);
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'f');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    CHECK(has(&record, "rf."));
}

struct retry {
    struct record *record;
    int left;
};

static void connect_again(void *user_data, const jm_event *event) {
    struct retry *retry = (struct retry *)user_data;
    if (retry->left > 0) {
        retry->left -= 1;
        CHECK(jm_connection_connect(event->connection, NULL, NULL, NULL) == JM_OK);
    } else {
        note(retry->record, '!');
    }
}

static void a_listener_may_connect_again_after_a_failure(void) {
    struct record record = RECORD;
    struct retry retry = {&record, 2};
    jm_connection *connection = connection_to(REFUSING);
    record_events(connection, &record);
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, connect_again, &retry, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, '!');
    jm_connection_free(connection);
    CHECK(has(&record, "fff!"));
}

static void check_established(void *user_data, const jm_event *event) {
    char *jid = NULL;
    CHECK(jm_connection_jid(event->connection, &jid) == JM_OK);
    CHECK(jid != NULL && strncmp(jid, "guest", 5) == 0);
    CHECK(strcmp(strchr(jid, '/') + 1, event->id.data) == 0);
    jm_string_free(jid);
    note((struct record *)user_data, 'i');
}

static void the_jid_is_there_once_it_is_bound(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    char *jid = NULL;
    CHECK(jm_connection_jid(connection, &jid) == JM_OK && jid == NULL);
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, check_established, &record, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'i');
    jm_connection_free(connection);
}

static double number(const char *json, const char *quoted) {
    const char *found = strstr(json, quoted);
    CHECK(found != NULL);
    return strtod(found + strlen(quoted), NULL);
}

static void times_are_milliseconds_of_the_monotonic_clock(void) {
    struct record record = RECORD;
    struct timespec clock;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    char *times = NULL;
    CHECK(jm_connection_times_json(connection, &times) == JM_OK);
    CHECK(strcmp(times, "{}") == 0);
    jm_string_free(times);
    clock_gettime(CLOCK_MONOTONIC, &clock);
    double before = (double)clock.tv_sec * 1e3 + (double)clock.tv_nsec / 1e6;
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_connection_times_json(connection, &times) == JM_OK);
    clock_gettime(CLOCK_MONOTONIC, &clock);
    double after = (double)clock.tv_sec * 1e3 + (double)clock.tv_nsec / 1e6;
    /* A millisecond for the two clocks being read one after the other. */
    CHECK(before - 1 <= number(times, "\"connecting\":"));
    CHECK(number(times, "\"connecting\":") <= number(times, "\"upgrade\":"));
    CHECK(number(times, "\"upgrade\":") <= number(times, "\"bound\":"));
    CHECK(number(times, "\"connected\":") <= after + 1);
    CHECK(strstr(times, "\"tls\"") == NULL && strstr(times, "\"disconnected\"") == NULL);
    jm_string_free(times);
    jm_connection_free(connection);
}

static void init_changes_nothing_while_connections_run(void) {
    struct record record = RECORD;
    jm_options *options = jm_options_new();
    CHECK(jm_options_set_int(options, "workerThreads", 1) == JM_OK);
    CHECK(jm_init(NULL) == JM_OK);
    CHECK(jm_init(options) == JM_OK);
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    CHECK(jm_init(NULL) == JM_STATUS_INVALID_STATE);
    CHECK(jm_init(options) == JM_OK);
    wait_for(&record, 'e');
    jm_connection_free(connection);
    jm_options_free(options);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(jm_init(NULL) == JM_OK);
}

static void shut_down_here(void *user_data, const jm_event *event) {
    (void)event;
    note((struct record *)user_data, jm_shutdown(1000) == JM_STATUS_INVALID_STATE ? 's' : '!');
}

static void shutdown_is_refused_inside_a_callback(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, shut_down_here, &record, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 's');
    jm_connection_free(connection);
    CHECK(has(&record, "s"));
}

static void connect_while_shutting_down(void *user_data, const jm_event *event) {
    CHECK(jm_connection_connect(event->connection, NULL, NULL, NULL) == JM_STATUS_INVALID_STATE);
    ERROR_HAS("jm_shutdown");
    note((struct record *)user_data, 's');
}

static void shutdown_delivers_what_is_due_and_later_calls_start_afresh(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    uint64_t token =
        listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, connect_while_shutting_down, &record, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "eds."));

    memset(record.what, 0, sizeof record.what);
    CHECK(jm_connection_remove_listener(connection, token) == JM_OK);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "ed"));

    listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_event, &record, on_destroy);
    jm_connection_free(connection);
    CHECK(has(&record, "edx"));
}

/* The server does not answer when the stream is closed. */
static void shutdown_cuts_off_what_does_not_close(void) {
    struct record record = RECORD;
    jm_options *options = options_for(getenv("SERVICE_URL"));
    jm_connection *connection = NULL;
    CHECK(jm_options_set_int(options, "disconnectTimeout", 3600000) == JM_OK);
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_OK);
    jm_options_free(options);
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    CHECK(jm_shutdown(50) == JM_STATUS_TIMEOUT);
    CHECK(has(&record, "ed."));
    jm_connection_free(connection);
}

/* How a connect ended, as its completion tells. */
static void on_connected(void *user_data, const jm_event *completion) {
    struct record *record = (struct record *)user_data;
    CHECK(completion->type == JM_EVENT_COMPLETION && is_absent(completion->name));
    switch (completion->status) {
    case JM_OK: {
        char *jid = NULL;
        CHECK(jm_connection_jid(completion->connection, &jid) == JM_OK);
        CHECK(is(completion->jid, jid));
        jm_string_free(jid);
        note(record, 'C');
        break;
    }
    case JM_STATUS_CONNECTION_FAILED:
        CHECK(completion->code == JM_CODE_REFUSED && completion->message.len > 0);
        note(record, 'F');
        break;
    case JM_STATUS_ABORTED:
        note(record, completion->connection == NULL ? 'A' : 'D');
        break;
    default:
        note(record, '?');
    }
}

static void a_connect_that_tells_of_its_end(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect_async(connection, NULL, NULL, NULL, on_connected, &record) == JM_OK);
    CHECK(jm_connection_connect_async(connection, NULL, NULL, NULL, on_connected, &record) ==
          JM_STATUS_INVALID_STATE);
    wait_for(&record, 'C');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    CHECK(has(&record, "eCd."));
}

static void a_connect_that_tells_of_its_failure(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_to(REFUSING);
    record_events(connection, &record);
    CHECK(jm_connection_connect_async(connection, NULL, NULL, NULL, on_connected, &record) == JM_OK);
    wait_for(&record, 'F');
    jm_connection_free(connection);
    CHECK(has(&record, "fF"));
}

/* The server accepts and says nothing. */
static void a_connect_that_is_given_up(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect_async(connection, NULL, NULL, NULL, on_connected, &record) == JM_OK);
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    CHECK(has(&record, "dD."));
    CHECK(jm_connection_connect_async(connection, NULL, NULL, NULL, on_connected, &record) == JM_OK);
    jm_connection_free(connection);
    CHECK(has(&record, "dD.A"));
}

static const struct test_case cases[] = {
    {"the_completion_follows_the_event", the_completion_follows_the_event},
    {"a_connection_can_be_used_again", a_connection_can_be_used_again},
    {"connecting_twice_is_refused", connecting_twice_is_refused},
    {"disconnecting_an_idle_connection_completes_without_an_event",
     disconnecting_an_idle_connection_completes_without_an_event},
    {"disconnecting_gives_up_an_attempt", disconnecting_gives_up_an_attempt},
    {"a_refused_port_is_one_failed_event", a_refused_port_is_one_failed_event},
    {"a_listener_may_connect_again_after_a_failure", a_listener_may_connect_again_after_a_failure},
    {"the_jid_is_there_once_it_is_bound", the_jid_is_there_once_it_is_bound},
    {"times_are_milliseconds_of_the_monotonic_clock", times_are_milliseconds_of_the_monotonic_clock},
    {"init_changes_nothing_while_connections_run", init_changes_nothing_while_connections_run},
    {"shutdown_is_refused_inside_a_callback", shutdown_is_refused_inside_a_callback},
    {"shutdown_delivers_what_is_due_and_later_calls_start_afresh",
     shutdown_delivers_what_is_due_and_later_calls_start_afresh},
    {"shutdown_cuts_off_what_does_not_close", shutdown_cuts_off_what_does_not_close},
    {"a_connect_that_tells_of_its_end", a_connect_that_tells_of_its_end},
    {"a_connect_that_tells_of_its_failure", a_connect_that_tells_of_its_failure},
    {"a_connect_that_is_given_up", a_connect_that_is_given_up},
};

MAIN(cases)
