/* Conference requests: to a focus over HTTP, whose path says how it answers, and as an IQ. */
#include "support.h"

/* A connection whose conference requests go to this path of the focus of the test. */
static jm_connection *connection_asking(const char *path) {
    char json[256];
    snprintf(json, sizeof json, "{\"conferenceRequestUrl\": \"%s%s\"}", getenv("FOCUS_URL"), path);
    return connection_with(NULL, json);
}

static void on_not_connected(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->status == JM_STATUS_NOT_CONNECTED);
    note((struct record *)user_data, 'n');
}

static void a_request_needs_a_session(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    CHECK(jm_connection_send_conference_request(connection, "room", on_not_connected, &record) == JM_OK);
    wait_for(&record, 'n');
    jm_connection_free(connection);
    CHECK(has(&record, "n"));
}

static void on_unknown_focus(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->status == JM_STATUS_CONFERENCE_REQUEST_FAILED);
    CHECK(completion->error_type == JM_ERROR_TYPE_CONFERENCE_REQUEST_FAILED);
    CHECK(is(completion->error_type_name, "connection.conferenceRequestFailed"));
    CHECK(completion->code == JM_CODE_CONFERENCE_REQUEST && is(completion->code_name, "conference_request"));
    CHECK(is(completion->condition, "service-unavailable"));
    CHECK(completion->http_status == 0 && completion->shard_changed == 0);
    CHECK(completion->time_since_last_success_ms == -1);
    CHECK(strncmp(completion->message.data, "nobody.example refused the conference request", 45) == 0);
    note((struct record *)user_data, 'u');
}

/* To a server that has no such component. */
static void a_focus_that_is_not_there_is_a_refusal(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_with(NULL, "{\"hosts\": {\"focus\": \"nobody.example\"}}");
    connect_as_guest(connection, &record);
    CHECK(jm_connection_send_conference_request(connection, "room", NULL, NULL) == JM_OK);
    CHECK(jm_connection_send_conference_request(connection, "Room", on_unknown_focus, &record) == JM_OK);
    wait_for(&record, 'u');
    CHECK(jm_connection_state(connection) == JM_STATE_CONNECTED);
    jm_connection_free(connection);
    CHECK(has(&record, "eu"));
}

static void on_conference(void *user_data, const jm_event *completion) {
    static const char conference[] = "{\"focusJid\":\"focus@auth.meet.example\",\"identity\":\"me\","
                                     "\"properties\":{\"authentication\":\"true\",\"sipGatewayEnabled\":\"false\"}}";
    check_completion(completion);
    CHECK(completion->status == JM_OK && is_absent(completion->xml) && completion->round_trip_ms == 0);
    CHECK(is(completion->conference_json, conference));
    note((struct record *)user_data, 'c');
}

static void a_conference_is_told_as_json(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_asking("/ready");
    connect_as_guest(connection, &record);
    CHECK(jm_connection_send_conference_request(connection, "room", on_conference, &record) == JM_OK);
    wait_for(&record, 'c');
    jm_connection_free(connection);
    CHECK(has(&record, "ec"));
}

static void on_redirected(void *user_data, const jm_event *event) {
    CHECK(is(event->name, "connection.redirected"));
    CHECK(is(event->vnode, "v1") && is(event->focus_jid, "focus@v1.meet.example"));
    note((struct record *)user_data, 'r');
}

static void on_redirection(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->status == JM_STATUS_REDIRECTED);
    CHECK(is(completion->vnode, "v1") && is(completion->focus_jid, "focus@v1.meet.example"));
    note((struct record *)user_data, 'R');
}

static void a_redirection_says_where_to(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_asking("/redirect");
    listen_to(connection, JM_EVENT_REDIRECTED, on_redirected, &record, NULL);
    connect_as_guest(connection, &record);
    CHECK(jm_connection_send_conference_request(connection, "room", on_redirection, &record) == JM_OK);
    wait_for(&record, 'R');
    CHECK(jm_connection_state(connection) == JM_STATE_CONNECTED);
    jm_connection_free(connection);
    CHECK(has(&record, "erR"));
}

static void an_attempt_for_a_room_that_is_elsewhere_ends_redirected(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_asking("/redirect");
    listen_to(connection, JM_EVENT_REDIRECTED, on_redirected, &record, NULL);
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, NULL, NULL, "room") == JM_OK);
    wait_for(&record, 'r');
    CHECK(jm_connection_state(connection) == JM_STATE_IDLE);
    jm_connection_free(connection);
    CHECK(has(&record, "r"));
}

static void on_not_live(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->status == JM_STATUS_CONFERENCE_REQUEST_FAILED);
    CHECK(completion->error_type == JM_ERROR_TYPE_NOT_LIVE_ERROR);
    CHECK(is(completion->error_type_name, "connection.notLiveError"));
    note((struct record *)user_data, 'l');
}

static void on_forbidden(void *user_data, const jm_event *event) {
    CHECK(event->error_type == JM_ERROR_TYPE_CONFERENCE_REQUEST_FAILED);
    CHECK(event->http_status == 403 && is(event->condition, "not-authorized") && !event->transient);
    note((struct record *)user_data, event->type == JM_EVENT_COMPLETION ? 'F' : 'f');
}

static void a_refusal_has_its_reason(void) {
    struct record live = RECORD;
    jm_connection *connection = connection_asking("/not-live");
    connect_as_guest(connection, &live);
    CHECK(jm_connection_send_conference_request(connection, "room", on_not_live, &live) == JM_OK);
    wait_for(&live, 'l');
    jm_connection_free(connection);
    /* The same fields in a completion and in the event that ends an attempt. */
    struct record forbidden = RECORD;
    connection = connection_asking("/forbidden");
    connect_as_guest(connection, &forbidden);
    CHECK(jm_connection_send_conference_request(connection, "room", on_forbidden, &forbidden) == JM_OK);
    wait_for(&forbidden, 'F');
    jm_connection_free(connection);
    connection = connection_asking("/forbidden");
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_forbidden, &forbidden, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, "room") == JM_OK);
    wait_for(&forbidden, 'f');
    jm_connection_free(connection);
    CHECK(has(&forbidden, "eFf"));
}

static void on_aborted(void *user_data, const jm_event *completion) {
    check_completion(completion);
    CHECK(completion->status == JM_STATUS_ABORTED);
    CHECK(completion->connection == NULL && completion->user_data == user_data);
    note((struct record *)user_data, 'a');
}

static void what_is_asked_is_aborted_by_free(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_asking("/silent");
    connect_as_guest(connection, &record);
    CHECK(jm_connection_send_conference_request(connection, "room", on_aborted, &record) == JM_OK);
    jm_connection_free(connection);
    CHECK(has(&record, "ea"));
}

static void what_cannot_name_a_room_is_refused(void) {
    static const char *const bad[] = {"", "a room", "a@b", "a/b", "a\x01" "b"};
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(jm_connection_connect(connection, NULL, NULL, bad[i]) == JM_STATUS_INVALID_ARGUMENT);
        ERROR_HAS("cannot be the name of a room");
        CHECK(jm_connection_state(connection) == JM_STATE_IDLE);
        CHECK(jm_connection_send_conference_request(connection, bad[i], on_aborted, &record) ==
              JM_STATUS_INVALID_ARGUMENT);
        ERROR_HAS("cannot be the name of a room");
    }
    CHECK(jm_connection_connect(connection, NULL, NULL, "caf\xe9") == JM_STATUS_INVALID_UTF8);
    ERROR_HAS("`name`");
    CHECK(jm_connection_send_conference_request(connection, "caf\xe9", NULL, NULL) == JM_STATUS_INVALID_UTF8);
    ERROR_HAS("`room`");
    CHECK(jm_connection_connect(connection, NULL, NULL, "Caf\xc3\xa9") == JM_OK);
    wait_for(&record, 'e');
    jm_connection_free(connection);
    CHECK(has(&record, "e"));
}

static const struct test_case cases[] = {
    {"a_request_needs_a_session", a_request_needs_a_session},
    {"a_focus_that_is_not_there_is_a_refusal", a_focus_that_is_not_there_is_a_refusal},
    {"a_conference_is_told_as_json", a_conference_is_told_as_json},
    {"a_redirection_says_where_to", a_redirection_says_where_to},
    {"an_attempt_for_a_room_that_is_elsewhere_ends_redirected",
     an_attempt_for_a_room_that_is_elsewhere_ends_redirected},
    {"a_refusal_has_its_reason", a_refusal_has_its_reason},
    {"what_is_asked_is_aborted_by_free", what_is_asked_is_aborted_by_free},
    {"what_cannot_name_a_room_is_refused", what_cannot_name_a_room_is_refused},
};

MAIN(cases)
