/* What the programs in C measure of themselves, and how they say it. See src/orders.rs. */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

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

/* Answers an order with what it has cost. */
static void answer(long long cpu_before, long long begun) {
    printf("%lld %lld %lld\n", cpu() - cpu_before, wall() - begun, memory());
    fflush(stdout);
}
