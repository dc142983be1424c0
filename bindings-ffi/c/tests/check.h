/* Checks, and tests made of them. */

#ifndef CHECK_H
#define CHECK_H

#include <oxmcp.h>
#include <stdbool.h>
#include <stddef.h>

/* A test passes when every check in it holds. */
struct check_test {
    const char *name;
    void (*run)(void);
};

/* Notes a check; says so when it does not hold. Returns `holds`. */
bool check_that(bool holds, const char *what, const char *file, int line);
bool check_text(oxmcp_str actual, const char *expected, const char *what, const char *file, int line);
/* Frees `*error` and makes it NULL, so that the next call can use it. */
bool check_result(oxmcp_result actual, oxmcp_result expected, oxmcp_error **error, const char *what, const char *file,
                  int line);

#define CHECK(condition) check_that(condition, #condition, __FILE__, __LINE__)

/* The text (an oxmcp_str) is the C string. */
#define CHECK_TEXT(actual, expected) check_text(actual, expected, #actual, __FILE__, __LINE__)

/* The call gives this result and, through `&error`, an error exactly if it failed. */
#define CHECK_RESULT(call, expected) check_result(call, expected, &error, #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_RESULT(call, OXMCP_OK)

/* The path of a program that was built for the tests. */
const char *check_program(const char *name);

/* Gives a port of 127.0.0.1 that refuses connections, and that no other process can have, until check_release gives it
 * back: a socket that is bound to it and does not listen. `*port` is the one wanted, or 0 for any. -1 when it is not
 * to be had. */
int check_hold_port(unsigned *port);
void check_release(int held);

/* How many file descriptors and children this process has. */
int check_descriptors(void);
int check_children(void);
/* Whether they are no more than `count` at last. */
bool check_descriptors_fall_to(int count);
bool check_children_fall_to(int count);

#endif
