/* What the test programs share. A program is called with the name of one case, and exits with 0 if it holds. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jitsimeet.h"

#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            fprintf(stderr, "%s:%d: %s\n(last error: %s)\n", __FILE__, __LINE__, #condition, jm_last_error());       \
            exit(EXIT_FAILURE);                                                                                      \
        }                                                                                                            \
    } while (0)

#define ERROR_HAS(text) CHECK(strstr(jm_last_error(), text) != NULL)

struct test_case {
    const char *name;
    void (*run)(void);
};

static inline int run_case(const struct test_case *cases, size_t count, int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < count; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            CHECK(jm_shutdown(5000) == JM_OK);
            return EXIT_SUCCESS;
        }
    }
    fprintf(stderr, "no such case\n");
    return EXIT_FAILURE;
}

#define MAIN(cases)                                                                                                  \
    int main(int argc, char **argv) {                                                                                \
        return run_case(cases, sizeof cases / sizeof *cases, argc, argv);                                            \
    }

/* What came, one character each, and a lock for whatever else a case shares with its callbacks. */
struct record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char what[64];
};

#define RECORD {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, ""}

static inline void note(struct record *record, char what) {
    pthread_mutex_lock(&record->lock);
    size_t count = strlen(record->what);
    CHECK(count + 1 < sizeof record->what);
    record->what[count] = what;
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

static inline int has(struct record *record, const char *expected) {
    pthread_mutex_lock(&record->lock);
    int same = strcmp(record->what, expected) == 0;
    if (!same) {
        fprintf(stderr, "came: \"%s\", expected: \"%s\"\n", record->what, expected);
    }
    pthread_mutex_unlock(&record->lock);
    return same;
}

/* The caller of the program has a deadline. */
static inline void wait_for(struct record *record, char what) {
    pthread_mutex_lock(&record->lock);
    while (strchr(record->what, what) == NULL) {
        pthread_cond_wait(&record->changed, &record->lock);
    }
    pthread_mutex_unlock(&record->lock);
}

static inline void on_event(void *user_data, const jm_event *event) {
    static const char letters[] = "?efdirsvtnp";
    note((struct record *)user_data, letters[event->type]);
}

static inline void on_done(void *user_data, jm_status status) {
    note((struct record *)user_data, status == JM_OK ? '.' : status == JM_STATUS_ABORTED ? 'a' : '!');
}

static inline void on_destroy(void *user_data) {
    note((struct record *)user_data, 'x');
}

static inline jm_options *options_for(const char *service_url) {
    jm_options *options = jm_options_new();
    CHECK(jm_options_set_string(options, "serviceUrl", service_url) == JM_OK);
    CHECK(jm_options_set_string(options, "hosts.domain", "meet.example") == JM_OK);
    return options;
}

static inline jm_connection *connection_to(const char *service_url) {
    jm_options *options = options_for(service_url);
    jm_connection *connection = NULL;
    CHECK(jm_connection_new(NULL, NULL, options, &connection) == JM_OK);
    jm_options_free(options);
    return connection;
}

/* A connection to the server of the test. */
static inline jm_connection *new_connection(void) {
    return connection_to(getenv("SERVICE_URL"));
}

/* A connection whose options are also these, as JSON. */
static inline jm_connection *connection_with(const char *token, const char *json) {
    jm_options *options = options_for(getenv("SERVICE_URL"));
    jm_connection *connection = NULL;
    CHECK(jm_options_set_json(options, "", json, strlen(json)) == JM_OK);
    CHECK(jm_connection_new(NULL, token, options, &connection) == JM_OK);
    jm_options_free(options);
    return connection;
}

static inline uint64_t listen_to(jm_connection *connection, int32_t type, jm_listener_fn listener,
                                 void *user_data, jm_destroy_fn destroy) {
    uint64_t token = 0;
    CHECK(jm_connection_add_listener(connection, type, listener, user_data, destroy, &token) == JM_OK);
    CHECK(token != 0);
    return token;
}

static inline void record_events(jm_connection *connection, struct record *record) {
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_event, record, NULL);
    listen_to(connection, JM_EVENT_CONNECTION_FAILED, on_event, record, NULL);
    listen_to(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_event, record, NULL);
}

static inline void connect_as_guest(jm_connection *connection, struct record *record) {
    record_events(connection, record);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(record, 'e');
}

static inline int is(jm_str text, const char *expected) {
    return text.data != NULL && text.len == strlen(expected) && strcmp(text.data, expected) == 0;
}

static inline int is_absent(jm_str text) {
    return text.data == NULL && text.len == 0;
}

/* What every completion has. */
static inline void check_completion(const jm_event *completion) {
    CHECK(completion->type == JM_EVENT_COMPLETION);
    CHECK(is_absent(completion->name));
    CHECK((completion->status == JM_OK) == is_absent(completion->message));
    CHECK((completion->status == JM_STATUS_REDIRECTED) == !is_absent(completion->vnode));
    CHECK((completion->status == JM_STATUS_CONFERENCE_REQUEST_FAILED) == (completion->error_type != 0));
    CHECK(completion->status == JM_OK || (is_absent(completion->conference_json) && completion->round_trip_ms == 0));
}

#endif
