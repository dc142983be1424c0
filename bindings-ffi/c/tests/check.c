#define _DEFAULT_SOURCE

#include "check.h"
#include "patience.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than any test may take, those included that wait PATIENCE in vain: a call that never settles ends here. */
enum { TEST_SECONDS = 240 };

extern const struct check_test json_tests[], misuse_tests[], stdio_tests[], http_tests[], handler_tests[],
    cancel_tests[], queue_tests[], fault_tests[];

static const struct check_test *const suites[] = {
    json_tests, misuse_tests, stdio_tests, http_tests, handler_tests, cancel_tests, queue_tests, fault_tests,
};

static const char *programs;
static int failures;

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: tests FOLDER-OF-PROGRAMS [NAME-OF-TEST]\n");
        return 2;
    }
    programs = argv[1];
    int passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        for (const struct check_test *test = suites[i]; test->name; test++) {
            if (argc > 2 && strcmp(argv[2], test->name) != 0)
                continue;
            failures = 0;
            printf("%s ...", test->name);
            fflush(stdout);
            alarm(TEST_SECONDS);
            test->run();
            alarm(0);
            printf("%s\n", failures == 0 ? " ok" : " FAILED");
            *(failures == 0 ? &passed : &failed) += 1;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

bool check_that(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        failures++;
        printf("\n  %s:%d: does not hold: %s", file, line, what);
        fflush(stdout);
    }
    return holds;
}

bool check_text(oxmcp_str actual, const char *expected, const char *what, const char *file, int line)
{
    bool same = actual.data && actual.len == strlen(expected) && memcmp(actual.data, expected, actual.len) == 0 &&
                actual.data[actual.len] == '\0';
    if (!check_that(same, what, file, line))
        printf("\n    is       %s\n    and not  %s", actual.data ? actual.data : "nothing", expected);
    return same;
}

bool check_result(oxmcp_result actual, oxmcp_result expected, oxmcp_error **error, const char *what, const char *file,
                  int line)
{
    if (!check_that(actual == expected, what, file, line)) {
        printf("\n    gives %s and not %s: %s", oxmcp_result_name(actual), oxmcp_result_name(expected),
               oxmcp_error_message(*error));
    } else if (actual != OXMCP_CLOSED) { /* oxmcp_server_poll gives it without an error. */
        check_that(oxmcp_error_kind(*error) == actual, "the error is of the kind that was returned", file, line);
        check_that((strlen(oxmcp_error_message(*error)) > 0) == (actual != OXMCP_OK), "the error says something", file,
                   line);
    }
    oxmcp_error_free(*error);
    *error = NULL;
    return actual == expected;
}

const char *check_program(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", programs, name);
    return path;
}

int check_hold_port(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t size = sizeof address;
    int on = 1, held = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* What is left of connections to the port that were closed does not count. */
    if (held >= 0 && setsockopt(held, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(held, (struct sockaddr *)&address, size) == 0 &&
        getsockname(held, (struct sockaddr *)&address, &size) == 0) {
        *port = ntohs(address.sin_port);
        return held;
    }
    check_release(held);
    return -1;
}

void check_release(int held)
{
    if (held >= 0)
        close(held);
}

int check_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

int check_children(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[300];
        snprintf(path, sizeof path, "/proc/self/task/%s/children", entry->d_name);
        FILE *file = fopen(path, "r");
        for (int child; file && fscanf(file, "%d", &child) == 1;)
            count++;
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return count;
}

static bool descriptors_are(void *wanted)
{
    return check_descriptors() <= *(int *)wanted;
}

static bool children_are(void *wanted)
{
    return check_children() <= *(int *)wanted;
}

bool check_descriptors_fall_to(int count)
{
    return wait_until(descriptors_are, &count);
}

bool check_children_fall_to(int count)
{
    return wait_until(children_are, &count);
}
