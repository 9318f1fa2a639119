/* Accounts, stanzas, requests, tokens. */
#include "support.h"

#define PING "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"

static jm_connection *connected(struct record *record) {
    jm_connection *connection = new_connection();
    record_events(connection, record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(record, 'e');
    return connection;
}

static void on_answer(void *user_data, jm_status status, jm_str answer) {
    if (status == JM_OK) {
        CHECK(answer.len == strlen(answer.data) && strstr(answer.data, "result") != NULL);
    } else {
        CHECK(answer.data == NULL && answer.len == 0);
    }
    on_done(user_data, status);
}

static void an_account_logs_in(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, "user", NULL, NULL) == JM_OK);
    wait_for(&record, 'f');
    CHECK(jm_connection_connect(connection, "user", "pencil", NULL) == JM_OK);
    wait_for(&record, 'e');
    char *jid = NULL;
    char *times = NULL;
    CHECK(jm_connection_jid(connection, &jid) == JM_OK);
    CHECK(strncmp(jid, "user@meet.example/", 18) == 0);
    CHECK(jm_connection_times_json(connection, &times) == JM_OK);
    CHECK(strstr(times, "\"round_trips\":5") != NULL);
    jm_string_free(times);
    jm_string_free(jid);
    jm_connection_free(connection);
}

static void a_stanza_is_acknowledged(void) {
    struct record record = RECORD;
    jm_connection *connection = connected(&record);
    const char presence[] = "<presence/>and more than its length";
    CHECK(jm_connection_send_stanza(connection, presence, 11, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    CHECK(jm_connection_send_stanza(connection, presence, 11, NULL, NULL) == JM_OK);
    jm_connection_free(connection);
    CHECK(has(&record, "e."));
}

static void a_request_is_answered(void) {
    struct record record = RECORD;
    jm_connection *connection = connected(&record);
    CHECK(jm_connection_send_iq(connection, PING, strlen(PING), -1, on_answer, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    CHECK(has(&record, "e."));
}

static void a_bad_stanza_is_refused_by_the_call_itself(void) {
    struct record record = RECORD;
    jm_connection *connection = connected(&record);
    CHECK(jm_connection_send_stanza(connection, "<message>", 9, on_done, &record) == JM_STATUS_INVALID_STANZA);
    ERROR_HAS("not well-formed");
    CHECK(jm_connection_send_iq(connection, "<message/>", 10, -1, on_answer, &record) == JM_STATUS_INVALID_STANZA);
    CHECK(jm_connection_send_stanza(connection, NULL, 0, on_done, &record) == JM_STATUS_INVALID_ARGUMENT);
    jm_connection_free(connection);
    CHECK(has(&record, "e"));
}

static void on_stanza(void *user_data, const jm_event *event) {
    CHECK(event->type == JM_EVENT_STANZA_RECEIVED);
    CHECK(strcmp(event->name.data, "connection.stanzaReceived") == 0);
    CHECK(strcmp(event->stanza_name.data, "iq") == 0 && strcmp(event->stanza_type.data, "result") == 0);
    CHECK(strcmp(event->stanza_id.data, "mine") == 0 && strstr(event->xml.data, "mine") != NULL);
    note((struct record *)user_data, 's');
}

static void stanzas_come_while_they_have_a_listener(void) {
    static const char ping[] = "<iq type='get' id='mine'><ping xmlns='urn:xmpp:ping'/></iq>";
    struct record record = RECORD;
    jm_connection *connection = connected(&record);
    uint64_t token = listen_to(connection, JM_EVENT_STANZA_RECEIVED, on_stanza, &record, NULL);
    CHECK(jm_connection_send_iq(connection, ping, strlen(ping), -1, on_answer, &record) == JM_OK);
    wait_for(&record, 's');
    wait_for(&record, '.');
    CHECK(jm_connection_remove_listener(connection, token) == JM_OK);
    CHECK(jm_connection_set_stanza_listening(connection, 1) == JM_STATUS_INVALID_STATE);
    jm_connection_free(connection);
}

static void a_new_token_is_taken_over(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    CHECK(jm_connection_refresh_token(connection, "token", on_done, &record) == JM_OK);
    wait_for(&record, '.');
    CHECK(jm_connection_refresh_token(connection, NULL, on_done, &record) == JM_STATUS_INVALID_ARGUMENT);
    jm_connection_free(connection);
    CHECK(has(&record, "."));
}

static void what_is_under_way_is_aborted_by_free(void) {
    static const char unanswered[] = "<iq type='get' to='nobody@elsewhere.example'><q xmlns='u'/></iq>";
    struct record record = RECORD;
    jm_connection *connection = connected(&record);
    CHECK(jm_set_network_info(1) == JM_OK);
    CHECK(jm_connection_send_iq(connection, unanswered, strlen(unanswered), 60000, on_answer, &record) == JM_OK);
    jm_connection_free(connection);
    /* Aborted, or answered in the moment before. */
    CHECK(strlen(record.what) == 2);
}

static void in_queue_mode_the_answer_is_in_the_completion(void) {
    jm_queue *queue = NULL;
    CHECK(jm_queue_new(&queue) == JM_OK);
    jm_options *options = options_for(getenv("SERVICE_URL"));
    jm_connection *connection = NULL;
    CHECK(jm_connection_new_with_queue(NULL, NULL, options, queue, &connection) == JM_OK);
    jm_options_free(options);
    CHECK(jm_connection_set_stanza_listening(connection, 1) == JM_OK);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    const int32_t expected[] = {JM_EVENT_CONNECTION_ESTABLISHED, JM_EVENT_STANZA_RECEIVED, JM_EVENT_COMPLETION};
    int mine = 0;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const jm_event *event = NULL;
        CHECK(jm_queue_next(queue, -1, &event) == JM_OK);
        CHECK(event->type == expected[i]);
        if (i == 0) {
            CHECK(!event->resumed && !event->reconnected);
            CHECK(jm_connection_send_iq(connection, PING, strlen(PING), -1, NULL, &mine) == JM_OK);
        } else {
            CHECK(strstr(event->xml.data, "result") != NULL);
            CHECK((event->user_data == &mine) == (i == 2));
        }
        jm_event_free(event);
    }
    jm_connection_free(connection);
    jm_queue_free(queue);
}

static void on_resumed(void *user_data, const jm_event *event) {
    CHECK(event->type == JM_EVENT_RESUMED);
    note((struct record *)user_data, 'r');
}

/* With SIGPIPE as it is in every C program, which would end this one. */
static void a_server_that_goes_away_ends_nobody_else(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_RESUMED, on_resumed, &record, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    for (int resumed = 0; resumed < 20;) {
        jm_status status = jm_connection_send_stanza(connection, "<message/>", 10, NULL, NULL);
        CHECK(status == JM_OK);
        pthread_mutex_lock(&record.lock);
        resumed = (int)strlen(record.what);
        pthread_mutex_unlock(&record.lock);
    }
    jm_connection_free(connection);
}

static const struct test_case cases[] = {
    {"an_account_logs_in", an_account_logs_in},
    {"a_stanza_is_acknowledged", a_stanza_is_acknowledged},
    {"a_request_is_answered", a_request_is_answered},
    {"a_bad_stanza_is_refused_by_the_call_itself", a_bad_stanza_is_refused_by_the_call_itself},
    {"stanzas_come_while_they_have_a_listener", stanzas_come_while_they_have_a_listener},
    {"a_new_token_is_taken_over", a_new_token_is_taken_over},
    {"what_is_under_way_is_aborted_by_free", what_is_under_way_is_aborted_by_free},
    {"a_server_that_goes_away_ends_nobody_else", a_server_that_goes_away_ends_nobody_else},
    {"in_queue_mode_the_answer_is_in_the_completion", in_queue_mode_the_answer_is_in_the_completion},
};

MAIN(cases)
