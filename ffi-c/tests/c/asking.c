/* What a connection is asked, and what it tells: pings, features, its state, its knowledge. */
#include "support.h"

static char *json_of(const jm_connection *connection,
                     jm_status (*get)(const jm_connection *connection, char **out_json)) {
    char *json = NULL;
    CHECK(get(connection, &json) == JM_OK && json != NULL);
    return json;
}

static void on_pong(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->user_data == user_data && completion->connection != NULL);
    CHECK(completion->status == JM_OK && completion->round_trip_ms > 0 && completion->round_trip_ms < 60000);
    CHECK(is_absent(completion->xml) && is_absent(completion->conference_json));
    note((struct record *)user_data, 'p');
}

static void a_ping_is_answered(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    connect_as_guest(connection, &record);
    CHECK(jm_connection_ping(connection, 60000, NULL, NULL) == JM_OK);
    CHECK(jm_connection_ping(connection, -1, on_pong, &record) == JM_OK);
    wait_for(&record, 'p');
    jm_connection_free(connection);
    CHECK(has(&record, "ep"));
}

static void on_not_connected(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->status == JM_STATUS_NOT_CONNECTED);
    note((struct record *)user_data, 'n');
}

static void a_ping_needs_a_session(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    CHECK(jm_connection_ping(connection, -1, on_not_connected, &record) == JM_OK);
    wait_for(&record, 'n');
    jm_connection_free(connection);
    CHECK(has(&record, "n"));
}

static void in_queue_mode_the_round_trip_is_in_the_completion(void) {
    jm_queue *queue = NULL;
    jm_connection *connection = NULL;
    const jm_event *event = NULL;
    jm_options *options = options_for(getenv("SERVICE_URL"));
    CHECK(jm_queue_new(&queue) == JM_OK);
    CHECK(jm_connection_new_with_queue(NULL, NULL, options, queue, &connection) == JM_OK);
    jm_options_free(options);
    CHECK(jm_connection_ping(connection, -1, on_pong, NULL) == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("`done`");
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    CHECK(jm_queue_next(queue, -1, &event) == JM_OK && event->type == JM_EVENT_CONNECTION_ESTABLISHED);
    jm_event_free(event);
    CHECK(jm_connection_ping(connection, -1, NULL, &queue) == JM_OK);
    CHECK(jm_queue_next(queue, -1, &event) == JM_OK);
    check_completion(event);
    CHECK(event->status == JM_OK && event->user_data == &queue && event->round_trip_ms > 0);
    jm_event_free(event);
    jm_connection_free(connection);
    jm_queue_free(queue);
}

/* The server of this case accepts and says nothing. */
static void an_attempt_is_a_state(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    CHECK(jm_connection_state(NULL) == JM_STATUS_INVALID_ARGUMENT);
    CHECK(jm_connection_state(connection) == JM_STATE_IDLE);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    CHECK(jm_connection_state(connection) == JM_STATE_CONNECTING);
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    CHECK(jm_connection_state(connection) == JM_STATE_IDLE);
    jm_connection_free(connection);
}

static void check_interrupted(void *user_data, const jm_event *event) {
    CHECK(jm_connection_state(event->connection) == JM_STATE_INTERRUPTED);
    note((struct record *)user_data, 'i');
}

/* The server of this case cuts the link as soon as it has had a stanza, and does not answer who wants to resume. Nor
 * does it answer who says goodbye. */
static void the_state_is_that_of_the_session(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_INTERRUPTED, check_interrupted, &record, NULL);
    connect_as_guest(connection, &record);
    CHECK(jm_connection_state(connection) == JM_STATE_CONNECTED);
    CHECK(jm_connection_send_stanza(connection, "<presence/>", 11, NULL, NULL) == JM_OK);
    wait_for(&record, 'i');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    int32_t state = jm_connection_state(connection);
    CHECK(state == JM_STATE_DISCONNECTING || state == JM_STATE_IDLE);
    wait_for(&record, '.');
    CHECK(jm_connection_state(connection) == JM_STATE_IDLE);
    jm_connection_free(connection);
    CHECK(has(&record, "eid."));
}

/* One document a line, which the caller of the program parses. */
static void print_json(const jm_connection *connection) {
    jm_status (*const getters[])(const jm_connection *connection, char **out_json) = {
        jm_connection_times_json, jm_connection_statistics_json,  jm_connection_logs_json,
        jm_connection_properties_json, jm_connection_ice_servers_json,
    };
    for (size_t i = 0; i < sizeof getters / sizeof *getters; i++) {
        char *json = json_of(connection, getters[i]);
        CHECK(strchr(json, '\n') == NULL);
        puts(json);
        jm_string_free(json);
    }
}

static void what_is_known_is_json(void) {
    struct record record = RECORD;
    static const char options[] =
        "{\"deploymentInfo\": {\"shard\": \"one\", \"region\": \"here\"}, "
        "\"p2pStunServers\": [{\"urls\": \"turn:relay.example\", \"username\": \"me\", \"credential\": \"\\\"\"}]}";
    jm_connection *connection = connection_with(NULL, options);
    print_json(connection);
    connect_as_guest(connection, &record);
    CHECK(jm_connection_ping(connection, -1, on_pong, &record) == JM_OK);
    wait_for(&record, 'p');
    print_json(connection);
    jm_connection_free(connection);
}

static void on_own_answer(void *user_data, const jm_event *event) {
    if (is(event->stanza_type, "result") && is(event->stanza_id, "asked")) {
        CHECK(strstr(event->xml.data, "urn:example:hat") != NULL);
        CHECK(strstr(event->xml.data, "urn:example:coat") == NULL);
        /* One of the library's own. */
        CHECK(strstr(event->xml.data, "http://jitsi.org/visitors-1") == NULL);
        CHECK(strstr(event->xml.data, "http://jabber.org/protocol/caps") != NULL);
        note((struct record *)user_data, 'i');
    }
}

/* As soon as the server of this case has had a stanza, it asks the connection for its features in the name of the
 * connection itself, which therefore gets its own answer. */
static void features_come_and_go(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_STANZA_RECEIVED, on_own_answer, &record, NULL);
    CHECK(jm_connection_add_feature(connection, "urn:example:hat", 0) == JM_OK);
    CHECK(jm_connection_add_feature(connection, "urn:example:coat", 0) == JM_OK);
    connect_as_guest(connection, &record);
    CHECK(jm_connection_remove_feature(connection, "urn:example:coat", 1) == JM_OK);
    CHECK(jm_connection_remove_feature(connection, "urn:example:coat", 0) == JM_OK);
    CHECK(jm_connection_remove_feature(connection, "http://jitsi.org/visitors-1", 0) == JM_OK);
    CHECK(jm_connection_send_stanza(connection, "<presence/>", 11, NULL, NULL) == JM_OK);
    wait_for(&record, 'i');
    jm_connection_free(connection);
    CHECK(has(&record, "ei"));
}

static void what_cannot_be_a_feature_is_refused(void) {
    jm_connection *connection = new_connection();
    static const char *const bad[] = {NULL, "", "a\nb", "a\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(jm_connection_add_feature(connection, bad[i], 0) == JM_STATUS_INVALID_ARGUMENT);
        ERROR_HAS("feature");
        CHECK(jm_connection_remove_feature(connection, bad[i], 1) == JM_STATUS_INVALID_ARGUMENT);
        ERROR_HAS("feature");
    }
    CHECK(jm_connection_add_feature(connection, "caf\xe9", 0) == JM_STATUS_INVALID_UTF8);
    CHECK(jm_connection_remove_feature(connection, "caf\xe9", 0) == JM_STATUS_INVALID_UTF8);
    jm_connection_free(connection);
}

/* The logs have this, and none of those. */
static void check_logs(const jm_connection *connection, const char *shown, const char *const *secrets, size_t count) {
    char *logs = json_of(connection, jm_connection_logs_json);
    CHECK(strstr(logs, shown) != NULL && strstr(logs, "***") != NULL);
    for (size_t i = 0; i < count; i++) {
        CHECK(strstr(logs, secrets[i]) == NULL);
    }
    jm_string_free(logs);
}

static void passwords_are_not_in_the_logs(void) {
    /* As they are and as PLAIN sends them: the Base64 of "\0user\0pencil" and "\0user\0wrong-canary". */
    static const char *const secrets[] = {"pencil", "AHVzZXIAcGVuY2ls", "wrong-canary", "AHVzZXIAd3JvbmctY2FuYXJ5"};
    static const char *const options[] = {
        "{\"sasl\": {\"mechanisms\": [\"PLAIN\"], \"allowPlainWithoutTls\": true}}",
        "{\"sasl\": {\"mechanisms\": [\"SCRAM-SHA-256\"]}}",
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct record record = RECORD;
        jm_connection *connection = connection_with(NULL, options[i]);
        record_events(connection, &record);
        CHECK(jm_connection_connect(connection, "user", "wrong-canary", NULL) == JM_OK);
        wait_for(&record, 'f');
        CHECK(jm_connection_connect(connection, "user", "pencil", NULL) == JM_OK);
        wait_for(&record, 'e');
        check_logs(connection, i == 0 ? "PLAIN" : "SCRAM-SHA-256", secrets, sizeof secrets / sizeof *secrets);
        jm_connection_free(connection);
    }
}

static void on_failed_request(void *user_data, const jm_event *completion) {
    CHECK(completion->status == JM_STATUS_CONFERENCE_REQUEST_FAILED);
    CHECK(strstr(completion->message.data, "canary") == NULL);
    note((struct record *)user_data, 'u');
}

/* It goes into the query of the URL and into the request. */
static void the_token_is_not_in_the_logs(void) {
    static const char *const secrets[] = {"canary"};
    struct record record = RECORD;
    jm_connection *connection =
        connection_with("header.canary.signature", "{\"hosts\": {\"focus\": \"nobody.example\"}}");
    connect_as_guest(connection, &record);
    CHECK(jm_connection_send_conference_request(connection, "room", on_failed_request, &record) == JM_OK);
    wait_for(&record, 'u');
    check_logs(connection, "token=", secrets, sizeof secrets / sizeof *secrets);
    jm_connection_free(connection);
}

static void on_properties(void *user_data, const jm_event *event) {
    CHECK(is(event->name, "connection.propertiesUpdated"));
    CHECK(is(event->shard, "two") && is_absent(event->region));
    note((struct record *)user_data, 'P');
}

static void on_display_name_required(void *user_data, const jm_event *event) {
    CHECK(is(event->name, "connection.display_name_required"));
    note((struct record *)user_data, 'D');
}

/* The server of this case tells what it is as soon as it has had a stanza. */
static void what_the_deployment_tells_comes_as_events(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_PROPERTIES_UPDATED, on_properties, &record, NULL);
    listen_to(connection, JM_EVENT_DISPLAY_NAME_REQUIRED, on_display_name_required, &record, NULL);
    listen_to(connection, JM_EVENT_TOKEN_EXPIRED, on_event, &record, NULL);
    connect_as_guest(connection, &record);
    CHECK(jm_connection_send_stanza(connection, "<presence/>", 11, NULL, NULL) == JM_OK);
    wait_for(&record, 'D');
    char *properties = json_of(connection, jm_connection_properties_json);
    CHECK(strstr(properties, "\"shard\":\"two\"") != NULL && strstr(properties, "\"region\"") == NULL);
    CHECK(strstr(properties, "\"lobbyrooms\":\"lobby.meet.example\"") != NULL);
    jm_string_free(properties);
    jm_connection_free(connection);
    CHECK(has(&record, "ePD"));
}

static const struct test_case cases[] = {
    {"a_ping_is_answered", a_ping_is_answered},
    {"a_ping_needs_a_session", a_ping_needs_a_session},
    {"in_queue_mode_the_round_trip_is_in_the_completion", in_queue_mode_the_round_trip_is_in_the_completion},
    {"an_attempt_is_a_state", an_attempt_is_a_state},
    {"the_state_is_that_of_the_session", the_state_is_that_of_the_session},
    {"what_is_known_is_json", what_is_known_is_json},
    {"features_come_and_go", features_come_and_go},
    {"what_cannot_be_a_feature_is_refused", what_cannot_be_a_feature_is_refused},
    {"passwords_are_not_in_the_logs", passwords_are_not_in_the_logs},
    {"the_token_is_not_in_the_logs", the_token_is_not_in_the_logs},
    {"what_the_deployment_tells_comes_as_events", what_the_deployment_tells_comes_as_events},
};

MAIN(cases)
