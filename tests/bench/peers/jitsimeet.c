/* The C ABI of jitsimeet, taking the orders of src/orders.rs: `callbacks` or `queue`, the URL, the options, and then
 * lines on standard input. Built against the library of this checkout. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jitsimeet.h"
#include "measure.h"

enum { CONNECTIONS = 16384 };

static jm_options *options;
static jm_queue *queue; /* NULL with callbacks */
static jm_connection *connections[CONNECTIONS];
static int opened;

/* With callbacks, what they tell the main thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int established, resumed, all_there;
static long wanted;
/* Of the thread that handles events alone. */
static long received;

static void check(jm_status status) {
    if (status != JM_OK) {
        fprintf(stderr, "jitsimeet: %s\n", jm_last_error());
        exit(1);
    }
}

static void tell(int *what) {
    pthread_mutex_lock(&lock);
    ++*what;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static int counts(const jm_event *event) {
    return event->stanza_from.data != NULL && strcmp(event->stanza_from.data, "meet.example") != 0;
}

static void on_stanza(void *data, const jm_event *event) {
    (void)data;
    received += counts(event);
    if (received == __atomic_load_n(&wanted, __ATOMIC_ACQUIRE)) {
        received = 0;
        tell(&all_there);
    }
}

static void on_established(void *data, const jm_event *event) {
    (void)data;
    tell(event->resumed ? &resumed : &established);
}

static void on_failed(void *data, const jm_event *event) {
    (void)data;
    fprintf(stderr, "jitsimeet: %s\n", event->message.data);
    exit(1);
}

/* With a queue, handles the next event. Returns whether it was a stanza that was asked for. */
static int next_event(void) {
    const jm_event *event = NULL;
    check(jm_queue_next(queue, -1, &event));
    int counted = event->type == JM_EVENT_STANZA_RECEIVED && counts(event);
    if (event->type == JM_EVENT_CONNECTION_ESTABLISHED) {
        on_established(NULL, event);
    } else if (event->type == JM_EVENT_CONNECTION_FAILED) {
        on_failed(NULL, event);
    }
    jm_event_free(event);
    return counted;
}

static void wait_for(int *what, int count) {
    while (queue != NULL && *what < count) {
        next_event();
    }
    pthread_mutex_lock(&lock);
    while (*what < count) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void start(void) {
    jm_connection *connection = NULL;
    if (queue != NULL) {
        check(jm_connection_new_with_queue(NULL, NULL, options, queue, &connection));
        check(jm_connection_set_stanza_listening(connection, 1));
    } else {
        check(jm_connection_new(NULL, NULL, options, &connection));
        check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_established, NULL, NULL, NULL));
        check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, on_failed, NULL, NULL, NULL));
        check(jm_connection_add_listener(connection, JM_EVENT_STANZA_RECEIVED, on_stanza, NULL, NULL, NULL));
    }
    check(jm_connection_connect(connection, NULL, NULL, NULL));
    connections[opened++] = connection;
}

static void open_sessions(int count, int at_once) {
    int target = opened + count;
    while (opened < target) {
        wait_for(&established, opened - at_once + 1);
        start();
    }
    wait_for(&established, target);
}

static void flood(long count) {
    char request[128];
    int len = snprintf(request, sizeof request, "<message xmlns='jabber:client' to='meet.example'><body>flood:%ld</body></message>",
                       count);
    all_there = 0;
    __atomic_store_n(&wanted, count, __ATOMIC_RELEASE);
    check(jm_connection_send_stanza(connections[0], request, (size_t)len, NULL, NULL));
    if (queue == NULL) {
        wait_for(&all_there, 1);
        return;
    }
    while (count > 0) {
        count -= next_event();
    }
}

static void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
    char line[256];
    int resumptions = 0;
    if (argc != 4) {
        return 2;
    }
    raise_file_limit();
    options = jm_options_new();
    check(jm_options_set_string(options, "serviceUrl", argv[2]));
    check(jm_options_set_string(options, "hosts.domain", "meet.example"));
    check(jm_options_set_json(options, "", argv[3], strlen(argv[3])));
    check(jm_init(options));
    if (strcmp(argv[1], "queue") == 0) {
        check(jm_queue_new(&queue));
    }
    while (fgets(line, sizeof line, stdin)) {
        int count = 0, at_once = 0;
        long long cpu_before = cpu(), begun = wall();
        if (sscanf(line, "open %d %d", &count, &at_once) == 2 && opened + count <= CONNECTIONS) {
            open_sessions(count, at_once);
        } else if (sscanf(line, "flood %d", &count) == 1) {
            flood(count);
        } else if (strcmp(line, "resume\n") == 0) {
            resumptions += opened;
            wait_for(&resumed, resumptions);
        } else if (sscanf(line, "idle %d", &count) == 1) {
            usleep((useconds_t)count * 1000);
        } else if (strcmp(line, "close\n") != 0) {
            return 2; /* its process ends with it */
        }
        answer(cpu_before, begun);
    }
    return 0;
}
