/* The C ABI of jitsimeet, taking the orders of src/orders.rs: the URL, `callbacks` or `queue`, and then lines on standard
 * input. Built against the library of this checkout. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "jitsimeet.h"

static jm_options *options;
static jm_queue *queue; /* NULL with callbacks */
static jm_connection *connection;

/* With callbacks, what they tell the main thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int online;
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
    *what = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(int *what) {
    pthread_mutex_lock(&lock);
    while (!*what) {
        pthread_cond_wait(&changed, &lock);
    }
    *what = 0;
    pthread_mutex_unlock(&lock);
}

static void on_established(void *data, const jm_event *event) {
    (void)event;
    tell(data);
}

static void on_failed(void *data, const jm_event *event) {
    (void)data;
    fprintf(stderr, "jitsimeet: %s\n", event->message.data);
    exit(1);
}

static long counts(const jm_event *event) {
    return event->stanza_from.data != NULL && strcmp(event->stanza_from.data, "meet.example") != 0;
}

static int all_there;

static void on_stanza(void *data, const jm_event *event) {
    (void)data;
    received += counts(event);
    if (received == __atomic_load_n(&wanted, __ATOMIC_ACQUIRE)) {
        received = 0;
        tell(&all_there);
    }
}

static void open_session(void) {
    if (queue != NULL) {
        const jm_event *event = NULL;
        check(jm_connection_new_with_queue(NULL, NULL, options, queue, &connection));
        check(jm_connection_set_stanza_listening(connection, 1));
        check(jm_connection_connect(connection, NULL, NULL, NULL));
        int type = 0;
        while (type != JM_EVENT_CONNECTION_ESTABLISHED) {
            check(jm_queue_next(queue, -1, &event));
            type = event->type;
            if (type == JM_EVENT_CONNECTION_FAILED) {
                on_failed(NULL, event);
            }
            jm_event_free(event);
        }
        return;
    }
    check(jm_connection_new(NULL, NULL, options, &connection));
    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_established, &online, NULL, NULL));
    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, on_failed, NULL, NULL, NULL));
    check(jm_connection_add_listener(connection, JM_EVENT_STANZA_RECEIVED, on_stanza, NULL, NULL, NULL));
    check(jm_connection_connect(connection, NULL, NULL, NULL));
    wait_for(&online);
}

static void flood(long count) {
    char request[128];
    int len = snprintf(request, sizeof request, "<message xmlns='jabber:client' to='meet.example'><body>flood:%ld</body></message>",
                       count);
    __atomic_store_n(&wanted, count, __ATOMIC_RELEASE);
    check(jm_connection_send_stanza(connection, request, (size_t)len, NULL, NULL));
    if (queue == NULL) {
        wait_for(&all_there);
        return;
    }
    while (count > 0) {
        const jm_event *event = NULL;
        check(jm_queue_next(queue, -1, &event));
        if (event->type == JM_EVENT_STANZA_RECEIVED) {
            count -= counts(event);
        } else if (event->type == JM_EVENT_CONNECTION_FAILED) {
            on_failed(NULL, event);
        }
        jm_event_free(event);
    }
}

static long long nanoseconds(struct timeval time) { return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL; }

static long long cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

static long long wall(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv) {
    char line[256];
    if (argc != 3) {
        return 2;
    }
    options = jm_options_new();
    check(jm_options_set_string(options, "serviceUrl", argv[1]));
    check(jm_options_set_string(options, "hosts.domain", "meet.example"));
    check(jm_options_set_int(options, "workerThreads", 1));
    check(jm_init(options));
    if (strcmp(argv[2], "queue") == 0) {
        check(jm_queue_new(&queue));
    }
    while (fgets(line, sizeof line, stdin)) {
        int count = 0, at_once = 0;
        long long cpu_before = cpu(), begun = wall();
        if (sscanf(line, "open %d %d", &count, &at_once) == 2 && count == 1 && connection == NULL) {
            open_session();
        } else if (sscanf(line, "flood %d", &count) == 1) {
            flood(count);
        } else if (sscanf(line, "idle %d", &count) == 1) {
            usleep((useconds_t)count * 1000);
        } else if (strcmp(line, "close\n") != 0) {
            return 2; /* its process ends with it */
        }
        /* What it weighs is measured in Rust. */
        printf("%lld %lld 0\n", cpu() - cpu_before, wall() - begun);
        fflush(stdout);
    }
    return 0;
}
