/* Queue mode. */
#include <poll.h>

#include "support.h"

static jm_connection *queued_connection(jm_queue *queue) {
    jm_options *options = options_for(getenv("SERVICE_URL"));
    jm_connection *connection = NULL;
    CHECK(jm_connection_new_with_queue(NULL, NULL, options, queue, &connection) == JM_OK);
    jm_options_free(options);
    return connection;
}

static jm_queue *new_queue(void) {
    jm_queue *queue = NULL;
    CHECK(jm_queue_new(&queue) == JM_OK);
    return queue;
}

static int readable(const jm_queue *queue, int timeout_ms) {
    struct pollfd watched = {jm_queue_fd(queue), POLLIN, 0};
    int ready = poll(&watched, 1, timeout_ms);
    CHECK(ready >= 0);
    return ready;
}

static int is_empty(jm_queue *queue) {
    const jm_event *event = NULL;
    return jm_queue_next(queue, 0, &event) == JM_STATUS_TIMEOUT && event == NULL;
}

/* Takes the next event, which must be of this type. */
static const jm_event *expect(jm_queue *queue, int32_t type, jm_connection *connection) {
    const jm_event *event = NULL;
    CHECK(jm_queue_next(queue, -1, &event) == JM_OK);
    CHECK(event->type == type);
    CHECK(event->connection == connection);
    return event;
}

static void the_completion_follows_the_event(void) {
    int mine = 0;
    jm_queue *queue = new_queue();
    jm_connection *connection = queued_connection(queue);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    const jm_event *event = expect(queue, JM_EVENT_CONNECTION_ESTABLISHED, connection);
    CHECK(strcmp(event->name.data, "connection.connectionEstablished") == 0);
    CHECK(event->id.len > 0 && event->user_data == NULL);
    CHECK(jm_connection_disconnect(connection, NULL, &mine) == JM_OK);
    jm_event_free(expect(queue, JM_EVENT_CONNECTION_DISCONNECTED, connection));
    const jm_event *completion = expect(queue, JM_EVENT_COMPLETION, connection);
    CHECK(completion->status == JM_OK);
    CHECK(completion->user_data == &mine);
    CHECK(completion->name.data == NULL && completion->message.data == NULL);
    CHECK(is_empty(queue));
    jm_connection_free(connection);
    /* An event outlives queue and connection. */
    jm_queue_free(queue);
    CHECK(strcmp(event->name.data, "connection.connectionEstablished") == 0);
    jm_event_free(event);
    jm_event_free(completion);
}

static void the_descriptor_is_readable_while_events_wait(void) {
    jm_queue *queue = new_queue();
    jm_connection *connection = queued_connection(queue);
    CHECK(!readable(queue, 0));
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    CHECK(readable(queue, -1) && readable(queue, 0));
    jm_event_free(expect(queue, JM_EVENT_COMPLETION, connection));
    CHECK(readable(queue, 0));
    jm_event_free(expect(queue, JM_EVENT_COMPLETION, connection));
    CHECK(!readable(queue, 0));
    CHECK(is_empty(queue));
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    CHECK(readable(queue, -1));
    jm_connection_free(connection);
    jm_queue_free(queue);
}

static void nothing_of_a_freed_connection_is_left(void) {
    jm_queue *queue = new_queue();
    jm_connection *freed = queued_connection(queue);
    jm_connection *kept = queued_connection(queue);
    /* One event has been looked at already, others have not. */
    CHECK(jm_connection_disconnect(freed, NULL, NULL) == JM_OK);
    CHECK(jm_connection_disconnect(freed, NULL, NULL) == JM_OK);
    CHECK(jm_connection_disconnect(freed, NULL, NULL) == JM_OK);
    CHECK(jm_connection_disconnect(kept, NULL, NULL) == JM_OK);
    jm_event_free(expect(queue, JM_EVENT_COMPLETION, freed));
    jm_connection_free(freed);
    CHECK(readable(queue, 0));
    jm_event_free(expect(queue, JM_EVENT_COMPLETION, kept));
    CHECK(!readable(queue, 0) && is_empty(queue));
    /* The same, with nothing behind it: once looked at already, once not. */
    for (int disconnects = 2; disconnects > 0; disconnects--) {
        jm_connection *connection = queued_connection(queue);
        for (int i = 0; i < disconnects; i++) {
            CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
        }
        if (disconnects == 2) {
            jm_event_free(expect(queue, JM_EVENT_COMPLETION, connection));
        }
        CHECK(readable(queue, 0));
        jm_connection_free(connection);
        CHECK(!readable(queue, 0) && is_empty(queue));
    }
    jm_connection_free(kept);
    jm_queue_free(queue);
}

static void there_are_no_callbacks(void) {
    struct record record = RECORD;
    jm_queue *queue = new_queue();
    jm_connection *connection = queued_connection(queue);
    CHECK(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, on_event, &record, on_destroy, NULL) ==
          JM_STATUS_INVALID_STATE);
    CHECK(has(&record, "x"));
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_STATUS_INVALID_ARGUMENT);
    ERROR_HAS("`done`");
    CHECK(is_empty(queue));
    jm_connection_free(connection);
    jm_queue_free(queue);
    CHECK(has(&record, "x"));
}

static void a_queue_may_be_freed_before_its_connections(void) {
    jm_queue *queue = new_queue();
    jm_connection *connection = queued_connection(queue);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    jm_event_free(expect(queue, JM_EVENT_CONNECTION_ESTABLISHED, connection));
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    CHECK(readable(queue, -1));
    jm_queue_free(queue);
    CHECK(jm_connection_disconnect(connection, NULL, NULL) == JM_OK);
    CHECK(jm_shutdown(5000) == JM_OK);
    jm_connection_free(connection);
}

static void shutdown_leaves_the_last_events_in_the_queue(void) {
    jm_queue *queue = new_queue();
    jm_connection *connection = queued_connection(queue);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    jm_event_free(expect(queue, JM_EVENT_CONNECTION_ESTABLISHED, connection));
    CHECK(jm_shutdown(5000) == JM_OK);
    jm_event_free(expect(queue, JM_EVENT_CONNECTION_DISCONNECTED, connection));
    CHECK(is_empty(queue));
    jm_connection_free(connection);
    jm_queue_free(queue);
}

static void waiting_ends_at_the_timeout(void) {
    const jm_event *event = NULL;
    jm_queue *queue = new_queue();
    CHECK(jm_queue_next(queue, 20, &event) == JM_STATUS_TIMEOUT);
    CHECK(event == NULL);
    jm_queue_free(queue);
}

static const struct test_case cases[] = {
    {"the_completion_follows_the_event", the_completion_follows_the_event},
    {"the_descriptor_is_readable_while_events_wait", the_descriptor_is_readable_while_events_wait},
    {"nothing_of_a_freed_connection_is_left", nothing_of_a_freed_connection_is_left},
    {"there_are_no_callbacks", there_are_no_callbacks},
    {"a_queue_may_be_freed_before_its_connections", a_queue_may_be_freed_before_its_connections},
    {"shutdown_leaves_the_last_events_in_the_queue", shutdown_leaves_the_last_events_in_the_queue},
    {"waiting_ends_at_the_timeout", waiting_ends_at_the_timeout},
};

MAIN(cases)
