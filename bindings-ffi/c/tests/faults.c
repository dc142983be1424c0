/* Peers that break off. Each gives its own typed error, not the timeout's, and leaves neither a child nor a descriptor. */

#define _DEFAULT_SOURCE

#include "check.h"

#include <signal.h>
#include <string.h>

static oxmcp_result connect_to(const char *how, oxmcp_client **client, oxmcp_error **error)
{
    const char *args[] = {how, NULL};
    oxmcp_client_options options = {.size = sizeof options, .command = check_program("peer-broken"), .args = args};
    return oxmcp_client_connect(&options, client, error);
}

static void a_command_that_is_not_there_is_told(void)
{
    oxmcp_client_options options = {.size = sizeof options, .command = "/nonexistent/program"};
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_CONNECT);
    CHECK(!client);
}

static void a_child_that_exits_at_once_is_told(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_result result = connect_to("dead", &client, &error);
    CHECK(result == OXMCP_CLOSED || result == OXMCP_CONNECT);
    oxmcp_error_free(error);
    CHECK(!client);
    CHECK(check_children_fall_to(0));
}

/* What a call gives when its server breaks off. */
static void call_gives(const char *how, oxmcp_result expected, uint64_t timeout)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    oxmcp_call_options options = {.size = sizeof options, .timeout_ms = timeout};
    if (CHECK_OK(connect_to(how, &client, &error)))
        CHECK_RESULT(oxmcp_client_call_tool(client, "any", NULL, &options, &result, &error), expected);
    oxmcp_json_free(result);
    oxmcp_client_free(client);
}

static void a_server_that_breaks_off_mid_call_is_told(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    CHECK_OK(connect_to("hang", &client, &error));
    oxmcp_client_free(client);
    CHECK(check_children_fall_to(0));
    int descriptors = check_descriptors();

    call_gives("exit", OXMCP_CLOSED, 0);
    call_gives("half", OXMCP_CLOSED, 0);
    call_gives("hang", OXMCP_TIMEOUT, 200);

    CHECK(check_children_fall_to(0));
    CHECK(check_descriptors_fall_to(descriptors));
}

static void garbage_does_not_hide_the_answer(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    if (CHECK_OK(connect_to("garbage", &client, &error)) &&
        CHECK_OK(oxmcp_client_call_tool(client, "any", NULL, NULL, &result, &error)))
        CHECK_TEXT(oxmcp_tool_result_text(result), "after garbage");
    oxmcp_json_free(result);
    oxmcp_client_free(client);
}

static void a_line_over_the_limit_settles_the_call(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    if (!CHECK_OK(connect_to("flood", &client, &error)))
        return;
    /* Whether the line is skipped or ends the connection, the call settles. */
    oxmcp_result called = oxmcp_client_call_tool(client, "any", NULL, NULL, &result, &error);
    CHECK(called == OXMCP_OK || called == OXMCP_TOO_LARGE || called == OXMCP_CLOSED);
    oxmcp_error_free(error);
    oxmcp_json_free(result);
    oxmcp_client_free(client);
}

static void a_server_that_dies_does_not_take_the_program_along(void)
{
    oxmcp_client_options options = {.size = sizeof options, .command = check_program("peer-server"), .quiet = true};
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    /* As in any C program: writing to a pipe that nobody reads ends it, unless the library sees to it. */
    signal(SIGPIPE, SIG_DFL);
    if (!CHECK_OK(oxmcp_client_connect(&options, &client, &error)))
        return;
    CHECK_RESULT(oxmcp_client_call_tool(client, "die", NULL, NULL, &result, &error), OXMCP_CLOSED);
    for (int i = 0; i < 10; i++)
        CHECK_RESULT(oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error), OXMCP_CLOSED);
    CHECK(!result);
    oxmcp_client_free(client);
    CHECK(check_children_fall_to(0));
}

const struct check_test fault_tests[] = {
    {"a command that is not there is told", a_command_that_is_not_there_is_told},
    {"a child that exits at once is told", a_child_that_exits_at_once_is_told},
    {"a server that breaks off mid-call is told", a_server_that_breaks_off_mid_call_is_told},
    {"garbage does not hide the answer", garbage_does_not_hide_the_answer},
    {"a line over the limit settles the call", a_line_over_the_limit_settles_the_call},
    {"a server that dies does not take the program along", a_server_that_dies_does_not_take_the_program_along},
    {NULL, NULL},
};
