/* Attaching to a BOSH session that someone else has bound: the test, which says in the environment which it is. */
#include "support.h"

static void a_session_goes_on_and_ends_for_real(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_to(getenv("BOSH_URL"));
    record_events(connection, &record);
    CHECK(jm_connection_attach(connection, getenv("JID"), getenv("SID"), getenv("RID")) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_connection_attach(connection, getenv("JID"), getenv("SID"), getenv("RID")) == JM_STATUS_INVALID_STATE);
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    wait_for(&record, 'd');
    jm_connection_free(connection);
    CHECK(has(&record, "ed"));
}

static void on_unknown(void *user_data, const jm_event *event) {
    CHECK(event->error_type == JM_ERROR_TYPE_OTHER_ERROR && is(event->condition, "item-not-found"));
    note((struct record *)user_data, 'u');
}

static void a_wrong_sid_is_an_unknown_session(void) {
    struct record record = RECORD;
    jm_connection *connection = connection_to(getenv("BOSH_URL"));
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_unknown, &record, NULL);
    CHECK(jm_connection_attach(connection, "guest@meet.example/r", "wrong", "1") == JM_OK);
    wait_for(&record, 'u');
    jm_connection_free(connection);
    CHECK(has(&record, "u"));
}

static void what_cannot_be_attached_to_is_refused(void) {
    jm_connection *connection = connection_to(getenv("BOSH_URL"));
    CHECK(jm_connection_attach(connection, "guest@meet.example/r", "sid", "next") == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("`rid`");
    CHECK(jm_connection_attach(connection, "guest@meet.example", "sid", "1") == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("`jid`");
    CHECK(jm_connection_attach(connection, "guest@meet.example/r", NULL, "1") == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("`sid`");
    jm_connection_free(connection);
    connection = new_connection();
    CHECK(jm_connection_attach(connection, "guest@meet.example/r", "sid", "1") == JM_STATUS_UNSUPPORTED_TRANSPORT);
    ERROR_HAS("BOSH");
    jm_connection_free(connection);
}

static const struct test_case cases[] = {
    {"a_session_goes_on_and_ends_for_real", a_session_goes_on_and_ends_for_real},
    {"a_wrong_sid_is_an_unknown_session", a_wrong_sid_is_an_unknown_session},
    {"what_cannot_be_attached_to_is_refused", what_cannot_be_attached_to_is_refused},
};

MAIN(cases)
