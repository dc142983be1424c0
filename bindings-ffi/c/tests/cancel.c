/* Timeouts and cancellation. */

#include "check.h"
#include "patience.h"
#include "tools.h"

#include <math.h>
#include <pthread.h>

static void a_silent_tool_times_out(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    oxmcp_call_options options = {.size = sizeof options, .timeout_ms = 50};
    int begun = waits_begun(), seen = cancellations_seen();
    /* Where the time passes before the handler has begun, the call never reaches it: once more, with more time. */
    for (; waits_begun() == begun && CHECK(options.timeout_ms < PATIENCE); options.timeout_ms *= 2)
        CHECK_RESULT(oxmcp_client_call_tool(client, "wait", NULL, &options, &result, &error), OXMCP_TIMEOUT);
    /* The handler sees it, and its thread is free again. */
    CHECK_OK(oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error));
    CHECK(cancellations_seen() == seen + 1);
    oxmcp_json_free(result);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void the_clients_own_timeouts_hold(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    oxmcp_client_options options = {.size = sizeof options, .timeout_ms = 50};
    CHECK_OK(oxmcp_client_connect_in_memory(host.server, &options, &client, &error));
    CHECK_RESULT(oxmcp_client_call_tool(client, "wait", NULL, NULL, &result, &error), OXMCP_TIMEOUT);
    oxmcp_client_free(client);
    host_stop(&host);
}

/* Reports progress for as long as `userdata` says, a number of milliseconds, or until it is cancelled. */
static void report(void *userdata, oxmcp_call *call)
{
    double until = clock_now() + *(double *)userdata;
    for (double i = 1; clock_now() < until && !oxmcp_call_is_cancelled(call); i++) {
        oxmcp_call_progress(call, i, NAN, NULL);
        wait_a_moment();
    }
    oxmcp_call_respond_text(call, "reported");
}

static void note(void *userdata, double progress, double total, const char *message)
{
    (void)total, (void)message;
    *(double *)userdata = progress;
}

static void progress_puts_off_the_timeout_but_not_the_longest_time(void)
{
    struct host host;
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    double last = 0, duration = 0;
    if (!CHECK(host_start(&host, 1)))
        return;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"report\"}", report, &duration, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    oxmcp_call_options options = {.size = sizeof options, .progress = note, .userdata = &last};

    /* On a machine so busy that the reports stay away for the whole timeout, it is right to come: once more, with more. */
    oxmcp_result called = OXMCP_TIMEOUT;
    for (options.timeout_ms = 100; called == OXMCP_TIMEOUT && CHECK(options.timeout_ms < PATIENCE / 2); options.timeout_ms *= 2) {
        duration = 2.5 * (double)options.timeout_ms;
        called = oxmcp_client_call_tool(client, "report", NULL, &options, &result, &error);
        oxmcp_error_free(error);
        error = NULL;
    }
    CHECK(called == OXMCP_OK);
    CHECK(last >= 1);
    oxmcp_json_free(result);
    result = NULL;

    duration = PATIENCE;
    options.timeout_ms = 2 * PATIENCE;
    options.max_timeout_ms = 100;
    CHECK_RESULT(oxmcp_client_call_tool(client, "report", NULL, &options, &result, &error), OXMCP_TIMEOUT);
    oxmcp_client_free(client);
    host_stop(&host);
}

/* Cancels a token when something has come to pass. */
struct canceller {
    oxmcp_cancel_token *token;
    bool (*is_time)(void *userdata);
    int before;
    bool came;
};

static void *cancel_in_time(void *userdata)
{
    struct canceller *canceller = userdata;
    canceller->came = wait_until(canceller->is_time, &canceller->before);
    oxmcp_cancel_token_cancel(canceller->token);
    return NULL;
}

static bool a_wait_has_begun(void *before)
{
    return waits_begun() > *(int *)before;
}

static bool a_child_was_started(void *before)
{
    return check_children() > *(int *)before;
}

static void a_token_cancels_from_another_thread(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    oxmcp_cancel_token *token = oxmcp_cancel_token_new();
    oxmcp_call_options options = {.size = sizeof options, .cancel = token};
    int seen = cancellations_seen();
    pthread_t thread;
    CHECK(!oxmcp_cancel_token_is_cancelled(token));
    CHECK_OK(oxmcp_client_call_tool(client, "echo", "{\"text\":\"not cancelled\"}", &options, &result, &error));
    oxmcp_json_free(result);
    result = NULL;

    struct canceller canceller = {token, a_wait_has_begun, waits_begun(), false};
    CHECK(pthread_create(&thread, NULL, cancel_in_time, &canceller) == 0);
    CHECK_RESULT(oxmcp_client_call_tool(client, "wait", NULL, &options, &result, &error), OXMCP_CANCELLED);
    pthread_join(thread, NULL);
    CHECK(canceller.came);
    CHECK(oxmcp_cancel_token_is_cancelled(token));
    CHECK_RESULT(oxmcp_client_call_tool(client, "pid", NULL, &options, &result, &error), OXMCP_CANCELLED);
    oxmcp_cancel_token_free(token);

    CHECK_OK(oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error));
    CHECK(cancellations_seen() == seen + 1);
    oxmcp_json_free(result);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void connecting_can_be_cancelled_and_times_out(void)
{
    const char *args[] = {"silent", NULL};
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_cancel_token *token = oxmcp_cancel_token_new();
    oxmcp_client_options options = {.size = sizeof options,
                                    .command = check_program("peer-broken"),
                                    .args = args,
                                    .connect_timeout_ms = 2 * PATIENCE,
                                    .cancel = token};
    CHECK(check_children_fall_to(0));
    struct canceller canceller = {token, a_child_was_started, 0, false};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, cancel_in_time, &canceller) == 0);
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_CANCELLED);
    pthread_join(thread, NULL);
    CHECK(canceller.came);
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_CANCELLED);
    oxmcp_cancel_token_free(token);

    options.cancel = NULL;
    options.connect_timeout_ms = 300;
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_TIMEOUT);
    CHECK(!client);
    CHECK(check_children_fall_to(0));
}

struct busy {
    oxmcp_client *client;
    oxmcp_result result;
};

static void *call_wait(void *userdata)
{
    struct busy *busy = userdata;
    oxmcp_json *result = NULL;
    busy->result = oxmcp_client_call_tool(busy->client, "wait", NULL, NULL, &result, NULL);
    oxmcp_json_free(result);
    return NULL;
}

static void closing_settles_what_is_under_way(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    struct busy busy = {.client = host_connect(&host)};
    oxmcp_error *error = NULL;
    pthread_t thread;
    int before = waits_begun();
    CHECK(pthread_create(&thread, NULL, call_wait, &busy) == 0);
    CHECK(wait_begins(before));
    CHECK_OK(oxmcp_client_close(busy.client, &error));
    pthread_join(thread, NULL);
    CHECK(busy.result == OXMCP_CLOSED);
    oxmcp_client_free(busy.client);
    host_stop(&host);
}

const struct check_test cancel_tests[] = {
    {"a silent tool times out", a_silent_tool_times_out},
    {"the client's own timeouts hold", the_clients_own_timeouts_hold},
    {"progress puts off the timeout but not the longest time", progress_puts_off_the_timeout_but_not_the_longest_time},
    {"a token cancels from another thread", a_token_cancels_from_another_thread},
    {"connecting can be cancelled and times out", connecting_can_be_cancelled_and_times_out},
    {"closing settles what is under way", closing_settles_what_is_under_way},
    {NULL, NULL},
};
