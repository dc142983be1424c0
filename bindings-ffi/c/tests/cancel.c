/* Timeouts and cancellation. */

#include "check.h"
#include "tools.h"

#include <pthread.h>
#include <string.h>

static void a_silent_tool_times_out(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    oxmcp_call_options options = {.size = sizeof options, .timeout_ms = 50};
    int seen = cancellations_seen();
    double before = check_now();
    CHECK_RESULT(oxmcp_client_call_tool(client, "wait", "{\"ms\":20000}", &options, &result, &error), OXMCP_TIMEOUT);
    double took = check_now() - before;
    CHECK(took >= 45 && took < 1000);
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
    CHECK_RESULT(oxmcp_client_call_tool(client, "wait", "{\"ms\":20000}", NULL, &result, &error), OXMCP_TIMEOUT);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void report_forever(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    for (double i = 1; !oxmcp_call_is_cancelled(call); i++) {
        oxmcp_call_progress(call, i, i + 1, NULL);
        check_sleep(5);
    }
    oxmcp_call_respond_text(call, "stopped");
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
    double last = 0;
    if (!CHECK(host_start(&host, 1)))
        return;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"forever\"}", report_forever, NULL, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    oxmcp_call_options options = {
        .size = sizeof options, .timeout_ms = 400, .max_timeout_ms = 800, .progress = note, .userdata = &last};
    double before = check_now();
    CHECK_RESULT(oxmcp_client_call_tool(client, "forever", NULL, &options, &result, &error), OXMCP_TIMEOUT);
    double took = check_now() - before;
    CHECK(took >= 790 && took < 3000);
    CHECK(last >= 10);
    oxmcp_client_free(client);
    host_stop(&host);
}

/* Cancels a token a little later, on another thread. */
static void *cancel_soon(void *token)
{
    check_sleep(50);
    oxmcp_cancel_token_cancel(token);
    return NULL;
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

    CHECK(pthread_create(&thread, NULL, cancel_soon, token) == 0);
    double before = check_now();
    CHECK_RESULT(oxmcp_client_call_tool(client, "wait", "{\"ms\":20000}", &options, &result, &error), OXMCP_CANCELLED);
    CHECK(check_now() - before < 1000);
    pthread_join(thread, NULL);
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
    oxmcp_client_options options = {
        .size = sizeof options, .command = check_program("peer-broken"), .args = args, .cancel = token};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, cancel_soon, token) == 0);
    double before = check_now();
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_CANCELLED);
    CHECK(check_now() - before < 1000);
    pthread_join(thread, NULL);
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_CANCELLED);
    oxmcp_cancel_token_free(token);

    options.cancel = NULL;
    options.connect_timeout_ms = 300;
    before = check_now();
    CHECK_RESULT(oxmcp_client_connect(&options, &client, &error), OXMCP_TIMEOUT);
    CHECK(check_now() - before < 1300);
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
    busy->result = oxmcp_client_call_tool(busy->client, "wait", "{\"ms\":20000}", NULL, &result, NULL);
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
    CHECK(pthread_create(&thread, NULL, call_wait, &busy) == 0);
    check_sleep(50);
    double before = check_now();
    CHECK_OK(oxmcp_client_close(busy.client, &error));
    pthread_join(thread, NULL);
    CHECK(check_now() - before < 1000);
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
