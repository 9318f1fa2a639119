/* Freeing connections and removing listeners: at any time, from anywhere. */
#include <time.h>

#include "support.h"

/* A callback that stays until it is let go. */
struct gate {
    struct record *record;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int open;
};

static void open_gate(struct gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->open = 1;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void stay(void *user_data, const jm_event *event) {
    (void)event;
    struct gate *gate = (struct gate *)user_data;
    note(gate->record, '(');
    pthread_mutex_lock(&gate->lock);
    while (!gate->open) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
    note(gate->record, ')');
}

#define GATE(record) {record, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

struct freeing {
    struct record *record;
    void (*free)(jm_connection *connection);
};

static void disconnect_and_free(void *user_data, const jm_event *event) {
    struct freeing *freeing = (struct freeing *)user_data;
    CHECK(jm_connection_disconnect(event->connection, on_done, freeing->record) == JM_OK);
    freeing->free(event->connection);
    note(freeing->record, 'F');
}

static void free_inside_a_callback(void (*free)(jm_connection *connection)) {
    struct record record = RECORD;
    struct freeing freeing = {&record, free};
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_event, &record, NULL);
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, disconnect_and_free, &freeing, NULL);
    /* Neither is called any more; the destroy of both is, after the callback has returned. */
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_event, &record, on_destroy);
    listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_event, &record, on_destroy);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'x');
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "eFaxx"));
}

static void a_callback_may_free_its_connection(void) {
    free_inside_a_callback(jm_connection_free);
}

static void a_callback_may_close_its_connection(void) {
    free_inside_a_callback(jm_connection_close);
}

/* The server accepts and says nothing. */
static void freeing_while_connecting_delivers_nothing(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    record_events(connection, &record);
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_event, &record, on_destroy);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    jm_connection_free(connection);
    CHECK(has(&record, "x"));
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "x"));
}

static void freeing_an_open_connection_aborts_what_is_pending(void) {
    struct record record = RECORD;
    struct gate gate = GATE(&record);
    jm_connection *connection = new_connection();
    jm_connection *other = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_event, &record, NULL);
    listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_event, &record, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'e');
    /* While the dispatcher is held up nothing can be delivered, so that the call is certainly pending. */
    listen_to(other, JM_EVENT_CONNECTION_ESTABLISHED, stay, &gate, NULL);
    CHECK(jm_connection_connect(other, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, '(');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    jm_connection_close(connection);
    open_gate(&gate);
    jm_connection_free(other);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "e()a"));
}

/* A callback that stays for a while, and no longer than until the main thread has gone on. */
static void linger(void *user_data, const jm_event *event) {
    (void)event;
    struct record *record = (struct record *)user_data;
    struct timespec deadline;
    note(record, '(');
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += 300 * 1000 * 1000;
    deadline.tv_sec += deadline.tv_nsec / 1000000000;
    deadline.tv_nsec %= 1000000000;
    pthread_mutex_lock(&record->lock);
    int waited = 0;
    while (waited == 0 && strchr(record->what, 'F') == NULL) {
        waited = pthread_cond_timedwait(&record->changed, &record->lock, &deadline);
    }
    pthread_mutex_unlock(&record->lock);
    note(record, ')');
}

static void freeing_waits_for_a_running_callback(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, linger, &record, NULL);
    listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_event, &record, on_destroy);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, '(');
    jm_connection_free(connection);
    note(&record, 'F');
    CHECK(has(&record, "()xF"));
}

static void closing_does_not_wait(void) {
    struct record record = RECORD;
    struct gate gate = GATE(&record);
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, stay, &gate, NULL);
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_event, &record, on_destroy);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, '(');
    jm_connection_close(connection);
    CHECK(has(&record, "("));
    open_gate(&gate);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "()x"));
}

static void removing_waits_for_a_running_callback_and_destroys(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, linger, &record, NULL);
    uint64_t token = listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_event, &record, on_destroy);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, '(');
    CHECK(jm_connection_remove_listener(connection, token) == JM_OK);
    note(&record, 'F');
    CHECK(has(&record, "()xF"));
    CHECK(jm_connection_remove_listener(connection, token) == JM_STATUS_INVALID_ARGUMENT);
    CHECK(jm_connection_remove_listener(connection, 0) == JM_STATUS_INVALID_ARGUMENT);
    jm_connection_free(connection);
    CHECK(has(&record, "()xF"));
}

struct removing {
    struct record *record;
    uint64_t tokens[2];
};

static void remove_both(void *user_data, const jm_event *event) {
    struct removing *removing = (struct removing *)user_data;
    CHECK(jm_connection_remove_listener(event->connection, removing->tokens[0]) == JM_OK);
    CHECK(jm_connection_remove_listener(event->connection, removing->tokens[1]) == JM_OK);
    note(removing->record, 'R');
}

static void destroy_removing(void *user_data) {
    note(((struct removing *)user_data)->record, 'X');
}

static void a_callback_may_remove_itself_and_the_next(void) {
    struct record record = RECORD;
    struct removing removing = {&record, {0, 0}};
    jm_connection *connection = new_connection();
    removing.tokens[0] =
        listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, remove_both, &removing, destroy_removing);
    removing.tokens[1] = listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_event, &record, on_destroy);
    listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_event, &record, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'x');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    CHECK(has(&record, "RXxd."));
}

static void free_other(void *user_data) {
    jm_connection_free((jm_connection *)user_data);
}

static void a_destroy_may_free_another_connection(void) {
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    jm_connection *other = new_connection();
    listen_to(other, JM_EVENT_CONNECTION_FAILED, on_event, &record, on_destroy);
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_event, other, free_other);
    jm_connection_free(connection);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "x"));
}

/* A connection, and what frees it. */
struct victim {
    struct record *record;
    jm_connection *connection;
};

static void free_victim(void *user_data, char how) {
    struct victim *victim = (struct victim *)user_data;
    jm_connection *connection = victim->connection;
    /* What is aborted by the free comes to the same functions. */
    victim->connection = NULL;
    if (connection != NULL) {
        jm_connection_free(connection);
        note(victim->record, how);
    }
}

static void free_when_done(void *user_data, jm_status status) {
    (void)status;
    free_victim(user_data, 'D');
}

static void free_when_answered(void *user_data, jm_status status, jm_str answer) {
    CHECK(status == JM_OK);
    free_victim(user_data, 'A');
    /* It is borrowed until this returns, whatever becomes of the connection. */
    CHECK(answer.len == strlen(answer.data));
}

static void free_when_completed(void *user_data, const jm_event *completion) {
    free_victim(user_data, 'C');
    CHECK(completion->type == JM_EVENT_COMPLETION);
}

static void free_when_logged(void *user_data, const jm_log_record *record) {
    if (strstr(record->message.data, "established") != NULL) {
        free_victim(user_data, 'L');
    }
    CHECK(record->message.len == strlen(record->message.data));
}

static void every_callback_may_free_its_connection(void) {
    struct record record = RECORD;
    struct victim done = {&record, new_connection()};
    CHECK(jm_connection_disconnect(done.connection, free_when_done, &done) == JM_OK);
    wait_for(&record, 'D');

    struct record answered_events = RECORD;
    struct victim answered = {&record, new_connection()};
    connect_as_guest(answered.connection, &answered_events);
    static const char request[] = "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>";
    CHECK(jm_connection_send_iq(answered.connection, request, sizeof request - 1, -1, free_when_answered, &answered) ==
          JM_OK);
    wait_for(&record, 'A');

    struct victim completed = {&record, new_connection()};
    CHECK(jm_connection_connect_async(completed.connection, NULL, NULL, NULL, free_when_completed, &completed) == JM_OK);
    wait_for(&record, 'C');

    struct victim logged = {&record, new_connection()};
    CHECK(jm_set_log_callback(free_when_logged, &logged, NULL) == JM_OK);
    CHECK(jm_connection_connect(logged.connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&record, 'L');
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&record, "DACL"));
}

static const struct test_case cases[] = {
    {"a_callback_may_free_its_connection", a_callback_may_free_its_connection},
    {"a_callback_may_close_its_connection", a_callback_may_close_its_connection},
    {"freeing_while_connecting_delivers_nothing", freeing_while_connecting_delivers_nothing},
    {"freeing_an_open_connection_aborts_what_is_pending", freeing_an_open_connection_aborts_what_is_pending},
    {"freeing_waits_for_a_running_callback", freeing_waits_for_a_running_callback},
    {"closing_does_not_wait", closing_does_not_wait},
    {"removing_waits_for_a_running_callback_and_destroys", removing_waits_for_a_running_callback_and_destroys},
    {"a_callback_may_remove_itself_and_the_next", a_callback_may_remove_itself_and_the_next},
    {"a_destroy_may_free_another_connection", a_destroy_may_free_another_connection},
    {"every_callback_may_free_its_connection", every_callback_may_free_its_connection},
};

MAIN(cases)
