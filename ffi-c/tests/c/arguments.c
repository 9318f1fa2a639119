/* What callers get wrong: a status and a text, never a crash. No server needed. */
#include "support.h"

#define NOWHERE "ws://127.0.0.1:9/xmpp-websocket"
#define NOT_UTF8 "caf\xe9"

static void on_destroy_count(void *user_data) {
    *(int *)user_data += 1;
}

static void never_done(void *user_data, jm_status status) {
    (void)status;
    *(int *)user_data += 1;
}

static void never_completed(void *user_data, const jm_event *completion) {
    (void)completion;
    *(int *)user_data += 1;
}

static void null_arguments(void) {
    jm_options *options = options_for(NOWHERE);
    jm_connection *connection = NULL;
    jm_queue *queue = NULL;
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_OK);
    CHECK(jm_queue_new(&queue) == JM_OK);
    const jm_event *event = NULL;
    char *text = NULL;
    uint64_t token = 0;
    const jm_status statuses[] = {
        jm_options_set_string(NULL, "serviceUrl", ""),
        jm_options_set_string(options, NULL, ""),
        jm_options_set_string(options, "serviceUrl", NULL),
        jm_options_set_int(NULL, "loginTimeout", 1),
        jm_options_set_int(options, NULL, 1),
        jm_options_set_bool(NULL, "analytics", 1),
        jm_options_set_bool(options, NULL, 1),
        jm_options_set_json(NULL, "", "{}", 2),
        jm_options_set_json(options, NULL, "{}", 2),
        jm_options_set_json(options, "", NULL, 0),
        jm_connection_new(NULL, NULL, NULL, &connection),
        jm_connection_new(NULL, NULL, options, NULL),
        jm_connection_new_with_queue(NULL, NULL, NULL, queue, &connection),
        jm_connection_new_with_queue(NULL, NULL, options, NULL, &connection),
        jm_connection_new_with_queue(NULL, NULL, options, queue, NULL),
        jm_connection_connect(NULL, NULL, NULL, NULL),
        jm_connection_connect_async(NULL, NULL, NULL, NULL, NULL, NULL),
        jm_connection_disconnect(NULL, NULL, NULL),
        jm_connection_refresh_token(NULL, "", NULL, NULL),
        jm_connection_refresh_token(connection, NULL, NULL, NULL),
        jm_connection_send_stanza(NULL, "<presence/>", 11, NULL, NULL),
        jm_connection_send_stanza(connection, NULL, 0, NULL, NULL),
        jm_connection_send_iq(NULL, "<iq/>", 5, -1, NULL, NULL),
        jm_connection_send_iq(connection, NULL, 0, -1, NULL, NULL),
        jm_connection_ping(NULL, -1, NULL, NULL),
        jm_connection_send_conference_request(NULL, "room", NULL, NULL),
        jm_connection_send_conference_request(connection, NULL, NULL, NULL),
        jm_connection_add_feature(NULL, "feature", 0),
        jm_connection_add_feature(connection, NULL, 0),
        jm_connection_remove_feature(NULL, "feature", 0),
        jm_connection_remove_feature(connection, NULL, 0),
        jm_connection_set_stanza_listening(NULL, 1),
        jm_connection_state(NULL),
        jm_connection_jid(NULL, &text),
        jm_connection_jid(connection, NULL),
        jm_connection_times_json(NULL, &text),
        jm_connection_times_json(connection, NULL),
        jm_connection_statistics_json(NULL, &text),
        jm_connection_statistics_json(connection, NULL),
        jm_connection_logs_json(NULL, &text),
        jm_connection_logs_json(connection, NULL),
        jm_connection_properties_json(NULL, &text),
        jm_connection_properties_json(connection, NULL),
        jm_connection_ice_servers_json(NULL, &text),
        jm_connection_ice_servers_json(connection, NULL),
        jm_connection_add_listener(NULL, JM_EVENT_CONNECTION_FAILED, on_event, NULL, NULL, &token),
        jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, NULL, NULL, NULL, &token),
        jm_connection_remove_listener(NULL, 1),
        jm_queue_new(NULL),
        jm_queue_next(NULL, 0, &event),
        jm_queue_next(queue, 0, NULL),
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i] != JM_STATUS_INVALID_ARGUMENT) {
            fprintf(stderr, "call %zu returned %d\n", i, (int)statuses[i]);
            exit(EXIT_FAILURE);
        }
    }
    CHECK(jm_connection_jid(NULL, &text) == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("`connection` must not be NULL");
    CHECK(jm_queue_fd(NULL) == -1);
    CHECK(jm_connection_id(NULL) == 0);
    CHECK(event == NULL && text == NULL && token == 0);

    CHECK(jm_init(NULL) == JM_OK);
    jm_connection_free(connection);
    jm_queue_free(queue);
    jm_options_free(options);

    jm_connection_free(NULL);
    jm_connection_close(NULL);
    jm_queue_free(NULL);
    jm_options_free(NULL);
    jm_event_free(NULL);
    jm_string_free(NULL);
}

static void text_that_is_not_utf8(void) {
    jm_options *options = options_for(NOWHERE);
    jm_connection *connection = NULL;
    CHECK(jm_options_set_string(options, "hosts.domain", NOT_UTF8) == JM_STATUS_INVALID_UTF8);
    ERROR_HAS("`value`");
    CHECK(jm_options_set_int(options, NOT_UTF8, 1) == JM_STATUS_INVALID_UTF8);
    CHECK(jm_options_set_json(options, "", NOT_UTF8, 4) == JM_STATUS_INVALID_UTF8);
    CHECK(jm_options_set_string(options, NOT_UTF8, "") == JM_STATUS_INVALID_UTF8);
    CHECK(jm_options_set_bool(options, NOT_UTF8, 1) == JM_STATUS_INVALID_UTF8);
    CHECK(jm_options_set_json(options, NOT_UTF8, "1", 1) == JM_STATUS_INVALID_UTF8);
    CHECK(jm_connection_new(NOT_UTF8, NULL, options, &connection) == JM_STATUS_INVALID_UTF8);
    CHECK(jm_connection_new(NULL, NOT_UTF8, options, &connection) == JM_STATUS_INVALID_UTF8);
    ERROR_HAS("`token`");
    CHECK(connection == NULL);
    jm_options_free(options);
    connection = connection_to(NOWHERE);
    int done = 0;
    const jm_status statuses[] = {
        jm_connection_connect(connection, NOT_UTF8, "password", NULL),
        jm_connection_connect(connection, "user", NOT_UTF8, NULL),
        jm_connection_connect(connection, NULL, NULL, NOT_UTF8),
        jm_connection_connect_async(connection, NOT_UTF8, NULL, NULL, never_completed, &done),
        jm_connection_refresh_token(connection, NOT_UTF8, never_done, &done),
        jm_connection_send_stanza(connection, NOT_UTF8, 4, never_done, &done),
        jm_connection_send_iq(connection, NOT_UTF8, 4, -1, NULL, NULL),
        jm_connection_send_conference_request(connection, NOT_UTF8, never_completed, &done),
        jm_connection_add_feature(connection, NOT_UTF8, 0),
        jm_connection_remove_feature(connection, NOT_UTF8, 0),
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        CHECK(statuses[i] == JM_STATUS_INVALID_UTF8);
    }
    CHECK(jm_connection_state(connection) == JM_STATE_IDLE);
    jm_connection_free(connection);
    CHECK(done == 0);
}

static void a_wrong_option_is_named(void) {
    jm_options *options = jm_options_new();
    jm_connection *connection = NULL;
    CHECK(jm_options_set_string(options, "hosts.domian", "meet.example") == JM_STATUS_INVALID_OPTION);
    ERROR_HAS("`hosts.domian`");
    ERROR_HAS("did you mean `hosts.domain`?");
    CHECK(jm_options_set_int(options, "serviceUrl", 5) == JM_STATUS_INVALID_OPTION);
    ERROR_HAS("`serviceUrl`");
    CHECK(jm_options_set_bool(options, "loginTimeout", 1) == JM_STATUS_INVALID_OPTION);
    ERROR_HAS("`loginTimeout`");
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_STATUS_INVALID_OPTION);
    ERROR_HAS("`serviceUrl`");
    CHECK(jm_options_set_string(options, "serviceUrl", NOWHERE) == JM_OK);
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_STATUS_INVALID_OPTION);
    ERROR_HAS("`hosts.domain`");
    CHECK(connection == NULL);
    jm_options_free(options);
}

static void options_in_json(void) {
    jm_options *options = jm_options_new();
    /* Only the first `len` bytes count. */
    static const char config[] = "{\"serviceUrl\":\"" NOWHERE "\",\"hosts\":{\"domain\":\"a\"},\"resolution\":720}///";
    CHECK(jm_options_set_json(options, "", config, sizeof config - 4) == JM_OK);
    CHECK(jm_options_set_json(options, "", config, sizeof config - 1) == JM_STATUS_INVALID_ARGUMENT);
    CHECK(jm_options_set_json(options, "hosts", "{\"domain\":7}", 12) == JM_STATUS_INVALID_OPTION);
    ERROR_HAS("`hosts.domain`");
    CHECK(jm_options_set_json(options, "", "[]", 2) == JM_STATUS_INVALID_ARGUMENT);
    jm_connection *connection = NULL;
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_OK);
    jm_connection_free(connection);
    CHECK(jm_options_set_json(options, "hosts.domain", "null", 4) == JM_OK);
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_STATUS_INVALID_OPTION);
    jm_options_free(options);
}

static void a_refused_registration_destroys_before_it_returns(void) {
    jm_connection *connection = connection_to(NOWHERE);
    const int32_t failed = JM_EVENT_CONNECTION_FAILED;
    const int32_t unknown[] = {0, -1, 999, JM_EVENT_COMPLETION, INT32_MAX};
    int destroyed = 0;
    int expected = 0;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        CHECK(jm_connection_add_listener(connection, unknown[i], on_event, &destroyed, on_destroy_count, NULL) ==
              JM_STATUS_INVALID_ARGUMENT);
        CHECK(destroyed == ++expected);
    }
    CHECK(jm_connection_add_listener(connection, failed, NULL, &destroyed, on_destroy_count, NULL) ==
          JM_STATUS_INVALID_ARGUMENT);
    CHECK(destroyed == ++expected);
    CHECK(jm_connection_add_listener(NULL, failed, on_event, &destroyed, on_destroy_count, NULL) ==
          JM_STATUS_INVALID_ARGUMENT);
    CHECK(destroyed == ++expected);
    jm_connection_free(connection);
    CHECK(destroyed == expected);
}

/* Options belong to the caller before, during and after the making of a connection. */
static void options_are_copied(void) {
    jm_options *options = options_for(NOWHERE);
    jm_connection *first = NULL;
    jm_connection *second = NULL;
    CHECK(jm_connection_new(NULL, NULL, options, &first) == JM_OK);
    CHECK(jm_options_set_string(options, "hosts.domain", "another.example") == JM_OK);
    CHECK(jm_connection_new(NULL, NULL, options, &second) == JM_OK);
    jm_options_free(options);
    CHECK(jm_connection_state(first) == JM_STATE_IDLE && jm_connection_state(second) == JM_STATE_IDLE);
    jm_connection_free(first);
    jm_connection_free(second);
}

static void a_listener_is_removed_once(void) {
    int destroyed = 0;
    jm_connection *connection = connection_to(NOWHERE);
    jm_connection *other = connection_to(NOWHERE);
    uint64_t token = listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_event, &destroyed, on_destroy_count);
    const uint64_t unknown[] = {0, token + 1000, UINT64_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        CHECK(jm_connection_remove_listener(connection, unknown[i]) == JM_STATUS_INVALID_ARGUMENT);
        ERROR_HAS("`token`");
    }
    CHECK(jm_connection_remove_listener(other, token) == JM_STATUS_INVALID_ARGUMENT);
    CHECK(destroyed == 0);
    CHECK(jm_connection_remove_listener(connection, token) == JM_OK);
    CHECK(destroyed == 1);
    CHECK(jm_connection_remove_listener(connection, token) == JM_STATUS_INVALID_ARGUMENT);
    CHECK(destroyed == 1);
    jm_connection_free(connection);
    jm_connection_free(other);
}

static void statuses_have_sentences(void) {
    CHECK(strcmp(jm_strerror(JM_STATUS_NOT_CONNECTED), "there is no session to send on") == 0);
    CHECK(strcmp(jm_strerror(JM_OK), jm_strerror(JM_STATUS_INTERNAL)) != 0);
    CHECK(strcmp(jm_strerror(12345), jm_strerror(INT32_MIN)) == 0 && strlen(jm_strerror(12345)) > 0);
}

static void versions(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", JM_VERSION_MAJOR, JM_VERSION_MINOR, JM_VERSION_PATCH);
    CHECK(strcmp(version, JM_VERSION) == 0);
    CHECK(strcmp(version, jm_version()) == 0);
    CHECK(jm_abi_version() == JM_ABI_VERSION);
}

static void a_negative_timeout_of_shutdown(void) {
    CHECK(jm_shutdown(-1) == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("timeout_ms");
}

static const struct test_case cases[] = {
    {"null_arguments", null_arguments},
    {"text_that_is_not_utf8", text_that_is_not_utf8},
    {"a_wrong_option_is_named", a_wrong_option_is_named},
    {"options_in_json", options_in_json},
    {"a_refused_registration_destroys_before_it_returns", a_refused_registration_destroys_before_it_returns},
    {"options_are_copied", options_are_copied},
    {"a_listener_is_removed_once", a_listener_is_removed_once},
    {"statuses_have_sentences", statuses_have_sentences},
    {"versions", versions},
    {"a_negative_timeout_of_shutdown", a_negative_timeout_of_shutdown},
};

MAIN(cases)
