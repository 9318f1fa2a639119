/* Threads that make, connect, listen to and free a thousand connections, each stopping at another point of a
 * connection's life. Every user_data must be destroyed, every completion told. */
#include "support.h"

enum { THREADS = 8, ROUNDS = 125, FREED_IN_A_CALLBACK = (ROUNDS + 3) / 4 };

struct counts {
    pthread_mutex_t lock;
    int destroyed;
    int done;
    int pongs;
};

static struct counts counts = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0};

static void ignore(void *user_data, const jm_event *event) {
    (void)user_data;
    (void)event;
}

static void free_it(void *user_data, const jm_event *event) {
    (void)user_data;
    jm_connection_free(event->connection);
}

static void count_destroyed(void *user_data) {
    free(user_data);
    pthread_mutex_lock(&counts.lock);
    counts.destroyed += 1;
    pthread_mutex_unlock(&counts.lock);
}

static void count_done(void *user_data, jm_status status) {
    (void)user_data;
    CHECK(status == JM_OK || status == JM_STATUS_ABORTED);
    pthread_mutex_lock(&counts.lock);
    counts.done += 1;
    pthread_mutex_unlock(&counts.lock);
}

/* In whatever state the connection was, and whether or not it lives still. */
static void count_pong(void *user_data, const jm_event *completion) {
    (void)user_data;
    CHECK((completion->connection == NULL) == (completion->status == JM_STATUS_ABORTED));
    pthread_mutex_lock(&counts.lock);
    counts.pongs += 1;
    pthread_mutex_unlock(&counts.lock);
}

static void look(const jm_connection *connection) {
    char *statistics = NULL;
    char *logs = NULL;
    CHECK(jm_connection_state(connection) >= JM_STATE_IDLE);
    CHECK(jm_connection_statistics_json(connection, &statistics) == JM_OK);
    CHECK(jm_connection_logs_json(connection, &logs) == JM_OK);
    jm_string_free(logs);
    jm_string_free(statistics);
}

static void *work(void *argument) {
    (void)argument;
    for (int round = 0; round < ROUNDS; round++) {
        jm_connection *connection = new_connection();
        listen_to(connection, JM_EVENT_CONNECTION_FAILED, ignore, malloc(1), count_destroyed);
        uint64_t token =
            listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, ignore, malloc(1), count_destroyed);
        if (round % 4 == 0) {
            /* Freed on the dispatcher, and from here on not this thread's. */
            listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, free_it, malloc(1), count_destroyed);
            listen_to(connection, JM_EVENT_CONNECTION_FAILED, free_it, malloc(1), count_destroyed);
            listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, free_it, malloc(1), count_destroyed);
            CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
            continue;
        }
        struct record record = RECORD;
        record_events(connection, &record);
        CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
        if (round % 4 != 1) {
            wait_for(&record, 'e');
        }
        CHECK(jm_connection_ping(connection, -1, count_pong, NULL) == JM_OK);
        CHECK(jm_connection_add_feature(connection, "urn:example:hat", 0) == JM_OK);
        look(connection);
        CHECK(jm_connection_disconnect(connection, count_done, NULL) == JM_OK);
        CHECK(jm_connection_remove_listener(connection, token) == JM_OK);
        jm_connection_free(connection);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(jm_shutdown(10000) == JM_OK);
    CHECK(counts.pongs == THREADS * (ROUNDS - FREED_IN_A_CALLBACK));
    CHECK(counts.done == THREADS * (ROUNDS - FREED_IN_A_CALLBACK));
    CHECK(counts.destroyed == THREADS * (ROUNDS * 2 + FREED_IN_A_CALLBACK * 3));
    return EXIT_SUCCESS;
}
