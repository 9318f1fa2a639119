/* The log callback: what is logged reaches it, in order, on the dispatcher thread, and nothing of it is secret. */
#include "support.h"

#define TOKEN "canary-token"
/* That of the account. */
#define PASSWORD "pencil"

struct log {
    struct record *record;
    pthread_mutex_t lock;
    pthread_t thread;
    int64_t last_time;
    int count;
    int about_a_connection;
    int established;
    uint64_t connection_id;
    int destroyed;
};

static void on_log(void *user_data, const jm_log_record *record) {
    struct log *log = (struct log *)user_data;
    pthread_mutex_lock(&log->lock);
    CHECK(log->destroyed == 0);
    CHECK(log->count == 0 || pthread_equal(log->thread, pthread_self()));
    log->thread = pthread_self();
    CHECK(record->level > JM_LOG_LEVEL_OFF && record->level <= JM_LOG_LEVEL_TRACE);
    /* Later than the first version of this test. */
    CHECK(record->time_ms > INT64_C(1700000000000) && record->time_ms >= log->last_time);
    log->last_time = record->time_ms;
    CHECK(strncmp(record->target.data, "jitsimeet", 9) == 0 && record->target.len == strlen(record->target.data));
    CHECK(record->message.len > 0 && record->message.len == strlen(record->message.data));
    CHECK(strstr(record->message.data, TOKEN) == NULL && strstr(record->message.data, PASSWORD) == NULL);
    log->count += 1;
    log->about_a_connection += log->connection_id != 0 && record->connection_id == log->connection_id;
    if (strstr(record->message.data, "established") != NULL) {
        log->established += 1;
        CHECK(record->level == JM_LOG_LEVEL_INFO);
    }
    pthread_mutex_unlock(&log->lock);
}

static void on_log_destroy(void *user_data) {
    struct log *log = (struct log *)user_data;
    pthread_mutex_lock(&log->lock);
    log->destroyed += 1;
    pthread_mutex_unlock(&log->lock);
}

#define LOG(record) {record, PTHREAD_MUTEX_INITIALIZER, pthread_self(), 0, 0, 0, 0, 0, 0}

static void set_level(const char *level) {
    jm_options *options = jm_options_new();
    CHECK(jm_options_set_string(options, "logLevel", level) == JM_OK);
    CHECK(jm_init(options) == JM_OK);
    jm_options_free(options);
}

static void what_happens_is_logged(void) {
    struct record record = RECORD;
    struct log log = LOG(&record);
    set_level("trace");
    CHECK(jm_set_log_callback(on_log, &log, on_log_destroy) == JM_OK);
    jm_connection *connection = connection_with(TOKEN, "{}");
    CHECK(jm_connection_id(connection) != 0 && jm_connection_id(NULL) == 0);
    log.connection_id = jm_connection_id(connection);
    record_events(connection, &record);
    CHECK(jm_connection_connect(connection, "user", PASSWORD, NULL) == JM_OK);
    wait_for(&record, 'e');
    CHECK(jm_connection_disconnect(connection, on_done, &record) == JM_OK);
    wait_for(&record, '.');
    jm_connection_free(connection);
    /* Delivers what is due, and keeps the function. */
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(log.established == 1 && log.about_a_connection > 0 && log.destroyed == 0);
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
    CHECK(log.destroyed == 1);
}

static void less_is_logged_at_a_lower_level(void) {
    struct record record = RECORD;
    struct log log = LOG(&record);
    set_level("off");
    CHECK(jm_set_log_callback(on_log, &log, on_log_destroy) == JM_OK);
    jm_connection *connection = new_connection();
    connect_as_guest(connection, &record);
    jm_connection_free(connection);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(log.count == 0);
    set_level("info");
    connection = new_connection();
    struct record again = RECORD;
    connect_as_guest(connection, &again);
    jm_connection_free(connection);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(log.established == 1);
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
}

static void a_replaced_function_is_destroyed_and_hears_nothing_more(void) {
    struct record record = RECORD;
    struct log first = LOG(&record);
    struct log second = LOG(&record);
    CHECK(jm_set_log_callback(on_log, &first, on_log_destroy) == JM_OK);
    CHECK(jm_set_log_callback(on_log, &second, on_log_destroy) == JM_OK);
    CHECK(first.destroyed == 1 && second.destroyed == 0);
    jm_connection *connection = new_connection();
    connect_as_guest(connection, &record);
    jm_connection_free(connection);
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
    CHECK(first.count == 0 && second.established == 1);
    CHECK(first.destroyed == 1 && second.destroyed == 1);
    /* Nobody to tell: the user data is of no use, and is destroyed at once. */
    CHECK(jm_set_log_callback(NULL, &first, on_log_destroy) == JM_OK);
    CHECK(first.destroyed == 2);
}

/* Removes itself inside its first call. */
static void remove_itself(void *user_data, const jm_log_record *log_record) {
    (void)log_record;
    struct record *record = (struct record *)user_data;
    note(record, '(');
    CHECK(jm_set_log_callback(NULL, NULL, NULL) == JM_OK);
    CHECK(jm_shutdown(0) == JM_STATUS_INVALID_STATE);
    note(record, ')');
}

static void it_may_remove_itself(void) {
    struct record log = RECORD;
    struct record record = RECORD;
    CHECK(jm_set_log_callback(remove_itself, &log, on_destroy) == JM_OK);
    jm_connection *connection = new_connection();
    connect_as_guest(connection, &record);
    jm_connection_free(connection);
    wait_for(&log, 'x');
    CHECK(jm_shutdown(5000) == JM_OK);
    CHECK(has(&log, "()x"));
}

static const struct test_case cases[] = {
    {"what_happens_is_logged", what_happens_is_logged},
    {"less_is_logged_at_a_lower_level", less_is_logged_at_a_lower_level},
    {"a_replaced_function_is_destroyed_and_hears_nothing_more", a_replaced_function_is_destroyed_and_hears_nothing_more},
    {"it_may_remove_itself", it_may_remove_itself},
};

MAIN(cases)
