/* libstrophe, over TCP, taking the orders of src/clients/mod.rs: the host, the port, and then lines on standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/resource.h>
#include <time.h>

static xmpp_ctx_t *context;
static xmpp_conn_t *connections[1024];
static const char *host;
static unsigned short port;
static int opened, online;
static long received;

static int on_stanza(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *data) {
    (void)connection;
    (void)data;
    const char *from = xmpp_stanza_get_from(stanza);
    received += from != NULL && strcmp(from, "meet.example") != 0;
    return 1;
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream_error,
                          void *data) {
    (void)error;
    (void)stream_error;
    (void)data;
    if (event != XMPP_CONN_CONNECT) {
        fprintf(stderr, "libstrophe: a connection was lost\n");
        exit(1);
    }
    xmpp_handler_add(connection, on_stanza, NULL, NULL, NULL, NULL);
    online++;
}

static void start(void) {
    xmpp_conn_t *connection = xmpp_conn_new(context);
    xmpp_conn_set_flags(connection, XMPP_CONN_FLAG_DISABLE_TLS);
    xmpp_conn_set_jid(connection, "meet.example");
    if (xmpp_connect_client(connection, host, port, on_connection, NULL) != XMPP_EOK) {
        fprintf(stderr, "libstrophe: cannot connect\n");
        exit(1);
    }
    connections[opened++] = connection;
}

static void open_sessions(int count, int at_once) {
    int target = opened + count;
    while (online < target) {
        while (opened < target && opened - online < at_once) {
            start();
        }
        xmpp_run_once(context, 1);
    }
}

static void flood(long count) {
    received = 0;
    xmpp_send_raw_string(connections[0], "<message to='meet.example'><body>flood:%ld</body></message>", count);
    while (received < count) {
        xmpp_run_once(context, 1);
    }
}

static long long wall(void);

static void idle(int milliseconds) {
    long long end = wall() + milliseconds * 1000000LL;
    while (wall() < end) {
        xmpp_run_once(context, 100);
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

static long long memory(void) {
    char line[256];
    long long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "RssAnon: %lld", &kilobytes) == 1) {
            break;
        }
    }
    if (status) {
        fclose(status);
    }
    return kilobytes * 1024;
}

int main(int argc, char **argv) {
    char line[256];
    if (argc != 3) {
        return 2;
    }
    host = argv[1];
    port = (unsigned short)atoi(argv[2]);
    xmpp_initialize();
    context = xmpp_ctx_new(NULL, NULL);
    while (fgets(line, sizeof line, stdin)) {
        int count = 0, at_once = 0;
        long long cpu_before = cpu(), begun = wall();
        if (sscanf(line, "open %d %d", &count, &at_once) == 2) {
            open_sessions(count, at_once);
        } else if (sscanf(line, "flood %d", &count) == 1) {
            flood(count);
        } else if (sscanf(line, "idle %d", &count) == 1) {
            idle(count);
        } else if (strcmp(line, "close\n") == 0) {
            /* Its process ends with it. */
        } else {
            return 2;
        }
        printf("%lld %lld %lld\n", cpu() - cpu_before, wall() - begun, memory());
        fflush(stdout);
    }
    return 0;
}
