/* What a fork finds of its parent: statuses, at once, whatever the parent's threads were doing. */
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* A child that hangs is ended by the alarm, and the test fails. */
enum { PATIENCE = 60 };

static void fork_and_run(void (*child)(void *argument), void *argument) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(PATIENCE);
        child(argument);
        _exit(EXIT_SUCCESS);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

struct parents {
    jm_connection *connection;
    jm_connection *queued;
    jm_queue *queue;
    uint64_t listener;
    struct record *record;
};

static void every_call_is_refused(void *argument) {
    struct parents *parents = (struct parents *)argument;
    jm_connection *connection = parents->connection;
    jm_connection *made = NULL;
    const jm_event *event = NULL;
    char *text = NULL;
    uint64_t token = 0;
    jm_options *options = options_for(getenv("SERVICE_URL"));
    const jm_status statuses[] = {
        jm_connection_connect(connection, NULL, NULL, NULL),
        jm_connection_connect_async(connection, NULL, NULL, NULL, NULL, NULL),
        jm_connection_disconnect(connection, on_done, parents->record),
        jm_connection_refresh_token(connection, "token", on_done, parents->record),
        jm_connection_send_stanza(connection, "<presence/>", 11, on_done, parents->record),
        jm_connection_send_iq(connection, "<iq type='get'/>", 16, -1, NULL, NULL),
        jm_connection_ping(connection, -1, NULL, NULL),
        jm_connection_send_conference_request(connection, "room", NULL, NULL),
        jm_connection_add_feature(connection, "feature", 0),
        jm_connection_remove_feature(connection, "feature", 0),
        jm_connection_set_stanza_listening(parents->queued, 1),
        jm_connection_state(connection),
        jm_connection_jid(connection, &text),
        jm_connection_times_json(connection, &text),
        jm_connection_statistics_json(connection, &text),
        jm_connection_logs_json(connection, &text),
        jm_connection_properties_json(connection, &text),
        jm_connection_ice_servers_json(connection, &text),
        jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, on_event, parents->record, NULL, &token),
        jm_connection_remove_listener(connection, parents->listener),
        jm_connection_disconnect(parents->queued, NULL, NULL),
        jm_connection_new_with_queue(NULL, NULL, options, parents->queue, &made),
        jm_queue_next(parents->queue, 0, &event),
        jm_queue_next(parents->queue, -1, &event),
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i] != JM_STATUS_FORKED) {
            fprintf(stderr, "call %zu returned %d\n", i, (int)statuses[i]);
            _exit(EXIT_FAILURE);
        }
    }
    ERROR_HAS("fork");
    CHECK(jm_queue_fd(parents->queue) == -1);
    CHECK(text == NULL && token == 0 && made == NULL && event == NULL);
    jm_options_free(options);
}

static void a_fork_may_have_its_own(void *argument) {
    struct parents *parents = (struct parents *)argument;
    every_call_is_refused(argument);
    /* Nothing is called, and nothing waits for threads that are not here. */
    jm_connection_free(parents->connection);
    jm_connection_close(parents->queued);
    jm_queue_free(parents->queue);

    struct record record = RECORD;
    jm_connection *connection = new_connection();
    connect_as_guest(connection, &record);
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    CHECK(has(&record, "ed."));
    jm_connection_free(connection);
    jm_queue *queue = NULL;
    CHECK(jm_queue_new(&queue) == JM_OK && jm_queue_fd(queue) >= 0);
    jm_queue_free(queue);
    CHECK(jm_shutdown(5000) == JM_OK);
}

static struct parents make_parents(struct record *record) {
    struct parents parents = {new_connection(), NULL, NULL, 0, record};
    jm_options *options = options_for(getenv("SERVICE_URL"));
    CHECK(jm_queue_new(&parents.queue) == JM_OK);
    CHECK(jm_connection_new_with_queue(NULL, NULL, options, parents.queue, &parents.queued) == JM_OK);
    jm_options_free(options);
    connect_as_guest(parents.connection, record);
    parents.listener = listen_to(parents.connection, JM_EVENT_STANZA_RECEIVED, on_event, record, on_destroy);
    /* Something waits in the queue. */
    CHECK(jm_connection_disconnect(parents.queued, NULL, NULL) == JM_OK);
    return parents;
}

static void free_parents(struct parents *parents) {
    jm_connection_free(parents->connection);
    jm_connection_free(parents->queued);
    jm_queue_free(parents->queue);
}

static void old_handles_are_refused_and_new_ones_work(void) {
    struct record record = RECORD;
    struct parents parents = make_parents(&record);
    fork_and_run(a_fork_may_have_its_own, &parents);
    /* The parent does not notice. */
    CHECK(has(&record, "e"));
    CHECK(jm_connection_disconnect(parents.connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    const jm_event *event = NULL;
    CHECK(jm_queue_next(parents.queue, 0, &event) == JM_OK);
    CHECK(event->type == JM_EVENT_COMPLETION);
    jm_event_free(event);
    free_parents(&parents);
    CHECK(has(&record, "ed.x"));
}

struct inside {
    struct parents *parents;
    struct record record;
};

static void fork_here(void *user_data, const jm_event *event) {
    (void)event;
    struct inside *inside = (struct inside *)user_data;
    fork_and_run(a_fork_may_have_its_own, inside->parents);
    note(&inside->record, '|');
}

/* The thread of the child is the copy of the dispatcher, which is not the child's dispatcher. */
static void a_callback_may_fork(void) {
    struct record record = RECORD;
    struct parents parents = make_parents(&record);
    struct inside inside = {&parents, RECORD};
    jm_connection *connection = new_connection();
    listen_to(connection, JM_EVENT_CONNECTION_ESTABLISHED, fork_here, &inside, NULL);
    CHECK(jm_connection_connect(connection, NULL, NULL, NULL) == JM_OK);
    wait_for(&inside.record, '|');
    jm_connection_free(connection);
    free_parents(&parents);
}

static volatile int busy = 1;

static void *keep_busy(void *argument) {
    struct parents *parents = (struct parents *)argument;
    while (__atomic_load_n(&busy, __ATOMIC_RELAXED)) {
        uint64_t token = 0;
        char *text = NULL;
        CHECK(jm_connection_add_listener(parents->connection, JM_EVENT_RESUMED, on_event, parents->record, NULL,
                                         &token) == JM_OK);
        CHECK(jm_connection_statistics_json(parents->queued, &text) == JM_OK);
        jm_string_free(text);
        CHECK(jm_connection_disconnect(parents->queued, NULL, NULL) == JM_OK);
        const jm_event *event = NULL;
        CHECK(jm_queue_next(parents->queue, -1, &event) == JM_OK);
        jm_event_free(event);
        CHECK(jm_connection_remove_listener(parents->connection, token) == JM_OK);
    }
    return NULL;
}

/* Every lock is held now and then by a thread that the child does not have. */
static void whatever_the_parent_is_doing(void) {
    struct record record = RECORD;
    struct parents parents = make_parents(&record);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, keep_busy, &parents) == 0);
    }
    for (int round = 0; round < 20; round++) {
        fork_and_run(every_call_is_refused, &parents);
    }
    __atomic_store_n(&busy, 0, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 3; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    free_parents(&parents);
}

/* A dispatcher whose parent had a log has none until it sets its own. */
static void ignore_log(void *user_data, const jm_log_record *log_record) {
    (void)log_record;
    note((struct record *)user_data, 'l');
}

static void log_in_the_fork(void *argument) {
    struct record *parents = (struct record *)argument;
    struct record record = RECORD;
    jm_connection *connection = new_connection();
    connect_as_guest(connection, &record);
    jm_connection_free(connection);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(parents, ""));
    struct record log = RECORD;
    struct record again = RECORD;
    CHECK(jm_set_log_callback(ignore_log, &log, on_destroy) == JM_OK);
    connection = new_connection();
    connect_as_guest(connection, &again);
    wait_for(&log, 'l');
    jm_connection_free(connection);
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
    wait_for(&log, 'x');
    CHECK(has(parents, ""));
    CHECK(jm_shutdown(5000) == JM_OK);
}

static void a_fork_has_no_log_but_its_own(void) {
    struct record record = RECORD;
    CHECK(jm_set_log_callback(ignore_log, &record, on_destroy) == JM_OK);
    fork_and_run(log_in_the_fork, &record);
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
    CHECK(has(&record, "x"));
}

static const struct test_case cases[] = {
    {"old_handles_are_refused_and_new_ones_work", old_handles_are_refused_and_new_ones_work},
    {"a_callback_may_fork", a_callback_may_fork},
    {"whatever_the_parent_is_doing", whatever_the_parent_is_doing},
    {"a_fork_has_no_log_but_its_own", a_fork_has_no_log_but_its_own},
};

MAIN(cases)
