/* What the caller gets wrong. */

#define _DEFAULT_SOURCE

#include "check.h"
#include "tools.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void ignore(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    (void)call;
}

static void null_handles_are_refused(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_server *server = NULL;
    oxmcp_json *json = NULL;
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_client_options to = {.size = sizeof to, .command = "true"};

    CHECK_RESULT(oxmcp_client_connect(NULL, &client, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_connect(&to, NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_connect_in_memory(NULL, NULL, &client, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_connect(NULL, queue, 1, &client, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_connect(&to, NULL, 1, &client, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_list_tools(NULL, NULL, &json, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_list_tools_page(NULL, NULL, NULL, &json, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_call_tool(NULL, "echo", NULL, NULL, &json, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_ping(NULL, NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_list_tools(NULL, NULL, queue, 1, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_list_tools_page(NULL, NULL, NULL, queue, 1, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_call_tool(NULL, "echo", NULL, NULL, queue, 1, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_ping(NULL, NULL, queue, 1, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_watch_closed(NULL, queue, 1, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_start_close(NULL, queue, 1, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_close(NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_new(NULL, &server, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_add_tool(NULL, "{\"name\":\"a\"}", ignore, NULL, NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_serve_stdio(NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_listen_http(NULL, NULL, NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_run(NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_poll(NULL, 0, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_close(NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_json_parse(NULL, &json, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_json_parse("{}", NULL, &error), OXMCP_MISUSE);
    CHECK(!client && !server && !json);
    oxmcp_queue_free(queue);
}

static void null_gives_the_empty_answer(void)
{
    oxmcp_event event;
    int64_t code;
    double number;
    oxmcp_str string;

    CHECK(!oxmcp_client_info(NULL));
    CHECK(!oxmcp_client_cancel(NULL, NULL, 1));
    CHECK(!oxmcp_server_remove_tool(NULL, NULL));
    CHECK(oxmcp_server_fd(NULL) == -1);
    CHECK(oxmcp_queue_fd(NULL) == -1);
    CHECK(oxmcp_queue_poll(NULL, &event, 1, -1) == 0);
    CHECK(!oxmcp_call_arguments(NULL));
    CHECK(!oxmcp_call_context(NULL));
    CHECK(!oxmcp_call_is_cancelled(NULL));
    CHECK(!oxmcp_call_progress(NULL, 1, 1, NULL));
    CHECK(oxmcp_call_respond_text(NULL, "text") == OXMCP_MISUSE);
    CHECK(oxmcp_call_respond_result(NULL, "{}") == OXMCP_MISUSE);
    CHECK(oxmcp_call_respond_tool_error(NULL, "text") == OXMCP_MISUSE);
    CHECK(oxmcp_call_respond_error(NULL, -32602, "text", NULL) == OXMCP_MISUSE);
    CHECK(!oxmcp_cancel_token_is_cancelled(NULL));
    CHECK(oxmcp_error_kind(NULL) == OXMCP_OK);
    CHECK(strcmp(oxmcp_error_message(NULL), "") == 0);
    CHECK(!oxmcp_error_code(NULL, &code));
    CHECK(!oxmcp_error_data(NULL));
    CHECK(!oxmcp_json_text(NULL).data);
    CHECK(oxmcp_json_type_at(NULL, "") == OXMCP_JSON_NOTHING);
    CHECK(!oxmcp_json_number(NULL, "", &number));
    CHECK(!oxmcp_json_string(NULL, NULL, &string));
    CHECK(oxmcp_json_count(NULL, "") == 0);
    CHECK(!oxmcp_tool_result_text(NULL).data);
    CHECK(!oxmcp_tool_result_is_error(NULL));

    oxmcp_call_keep(NULL);
    oxmcp_call_free(NULL);
    oxmcp_cancel_token_cancel(NULL);
    oxmcp_cancel_token_free(NULL);
    oxmcp_client_free(NULL);
    oxmcp_error_free(NULL);
    oxmcp_event_clear(NULL);
    oxmcp_json_free(NULL);
    oxmcp_queue_free(NULL);
    oxmcp_server_free(NULL);
}

static void errors_may_be_unwanted(void)
{
    oxmcp_client *client = NULL;
    CHECK(oxmcp_client_connect(NULL, &client, NULL) == OXMCP_MISUSE);
    CHECK(!client);
}

static void options_that_make_no_sense_are_refused(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_server *server = NULL;
    const char *no_pair[] = {"NO PAIR", NULL};

    oxmcp_client_options no_size = {.command = "true"};
    CHECK_RESULT(oxmcp_client_connect(&no_size, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options nowhere = {.size = sizeof nowhere};
    CHECK_RESULT(oxmcp_client_connect(&nowhere, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options two = {.size = sizeof two, .command = "true", .url = "http://127.0.0.1:1/mcp"};
    CHECK_RESULT(oxmcp_client_connect(&two, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options env = {.size = sizeof env, .command = "true", .env = no_pair};
    CHECK_RESULT(oxmcp_client_connect(&env, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options headers = {.size = sizeof headers, .url = "http://127.0.0.1:1/mcp", .headers = no_pair};
    CHECK_RESULT(oxmcp_client_connect(&headers, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options half_a_name = {.size = sizeof half_a_name, .command = "true", .client_name = "name"};
    CHECK_RESULT(oxmcp_client_connect(&half_a_name, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options not_utf8 = {.size = sizeof not_utf8, .command = "\xff"};
    CHECK_RESULT(oxmcp_client_connect(&not_utf8, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options bad_url = {.size = sizeof bad_url, .url = "not a url"};
    CHECK_RESULT(oxmcp_client_connect(&bad_url, &client, &error), OXMCP_MISUSE);
    oxmcp_client_options no_revision = {.size = sizeof no_revision, .command = "true", .protocol_version = "1999"};
    CHECK_RESULT(oxmcp_client_connect(&no_revision, &client, &error), OXMCP_MISUSE);

    oxmcp_server_options nameless = {.size = sizeof nameless, .version = "1"};
    CHECK_RESULT(oxmcp_server_new(&nameless, &server, &error), OXMCP_MISUSE);
    oxmcp_server_options icons = {.size = sizeof icons, .name = "n", .version = "1", .icons_json = "["};
    CHECK_RESULT(oxmcp_server_new(&icons, &server, &error), OXMCP_MISUSE);
    CHECK(!client && !server);
}

static void options_of_other_ages_are_understood(void)
{
    struct {
        oxmcp_server_options known;
        long unknown;
    } newer = {.known = {.size = sizeof newer, .name = "newer", .version = "1"}};
    oxmcp_error *error = NULL;
    oxmcp_server *server = NULL;
    if (CHECK_OK(oxmcp_server_new(&newer.known, &server, &error)))
        oxmcp_server_free(server);
    newer.unknown = 1;
    CHECK_RESULT(oxmcp_server_new(&newer.known, &server, &error), OXMCP_MISUSE);

    oxmcp_server_options older = {.size = offsetof(oxmcp_server_options, title), .name = "older", .version = "1"};
    older.title = (const char *)1; /* Beyond the size, so never looked at. */
    if (CHECK_OK(oxmcp_server_new(&older, &server, &error)))
        oxmcp_server_free(server);
}

static void tools_that_make_no_sense_are_refused(void)
{
    static const char *const definitions[] = {
        "", "{", "[]", "{}", "{\"name\":7}", "{\"name\":\"a\",\"inputSchema\":7}", "{\"name\":\"a\",\"inputSchema\":{\"type\":\"nonsense\"}}",
    };
    oxmcp_server_options options = {.size = sizeof options, .name = "server", .version = "1"};
    oxmcp_error *error = NULL;
    oxmcp_server *server = NULL;
    if (!CHECK_OK(oxmcp_server_new(&options, &server, &error)))
        return;
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++)
        CHECK_RESULT(oxmcp_server_add_tool(server, definitions[i], ignore, NULL, NULL, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_server_add_tool(server, "{\"name\":\"a\"}", NULL, NULL, NULL, &error), OXMCP_MISUSE);
    CHECK(!oxmcp_server_remove_tool(server, "a"));
    CHECK_OK(oxmcp_server_add_tool(server, "{\"name\":\"a\"}", ignore, NULL, NULL, &error));
    CHECK(oxmcp_server_remove_tool(server, "a"));
    CHECK(!oxmcp_server_remove_tool(server, "a"));
    oxmcp_server_free(server);
}

static void arguments_that_are_no_object_are_refused(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    CHECK_RESULT(oxmcp_client_call_tool(client, "echo", "{\"text\":", NULL, &result, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_call_tool(client, "echo", "{},\"name\":\"die\"", NULL, &result, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_call_tool(client, "echo", "\xff", NULL, &result, &error), OXMCP_MISUSE);
    CHECK_RESULT(oxmcp_client_call_tool(client, NULL, "{}", NULL, &result, &error), OXMCP_MISUSE);
    CHECK(!result);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void a_closed_client_is_told(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    CHECK_OK(oxmcp_client_close(client, &error));
    CHECK_OK(oxmcp_client_close(client, &error));
    CHECK_RESULT(oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error), OXMCP_CLOSED);
    CHECK_RESULT(oxmcp_client_ping(client, NULL, &error), OXMCP_CLOSED);
    CHECK(!result);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void a_closed_server_is_told(void)
{
    oxmcp_server_options options = {.size = sizeof options, .name = "server", .version = "1"};
    oxmcp_error *error = NULL;
    oxmcp_server *server = NULL;
    if (!CHECK_OK(oxmcp_server_new(&options, &server, &error)))
        return;
    CHECK_OK(oxmcp_server_close(server, &error));
    CHECK_OK(oxmcp_server_close(server, &error));
    CHECK_RESULT(oxmcp_server_listen_http(server, NULL, NULL, &error), OXMCP_MISUSE);
    CHECK_OK(oxmcp_server_run(server, &error));
    CHECK_RESULT(oxmcp_server_poll(server, -1, &error), OXMCP_CLOSED);
    oxmcp_server_free(server);
}

/* What a forked child does. Gives the number of the first thing that is not as it should be; 0 when all is. */
static int use_after_fork(oxmcp_server *server, oxmcp_client *client, oxmcp_queue *queue)
{
    oxmcp_json *result = NULL;
    oxmcp_event event;
    alarm(120);
    if (oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, NULL) != OXMCP_MISUSE)
        return 1;
    if (oxmcp_client_start_ping(client, NULL, queue, 1, NULL) != OXMCP_MISUSE)
        return 2;
    if (oxmcp_queue_poll(queue, &event, 1, -1) != 0 || oxmcp_queue_fd(queue) != -1)
        return 3;
    if (oxmcp_server_run(server, NULL) != OXMCP_MISUSE || oxmcp_server_poll(server, -1, NULL) != OXMCP_MISUSE)
        return 4;
    if (oxmcp_server_listen_http(server, NULL, NULL, NULL) != OXMCP_MISUSE || oxmcp_server_fd(server) != -1)
        return 5;
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    oxmcp_server_free(server);

    struct host own;
    client = host_start(&own, 1) ? host_connect(&own) : NULL;
    if (oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, NULL) != OXMCP_OK)
        return 6;
    oxmcp_json_free(result);
    oxmcp_client_free(client);
    host_stop(&own);
    return 0;
}

static void use_after_fork_is_refused(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(use_after_fork(host.server, client, queue));
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void results_have_names(void)
{
    CHECK(strcmp(oxmcp_result_name(OXMCP_OK), "Ok") == 0);
    CHECK(strcmp(oxmcp_result_name(OXMCP_UNSUPPORTED_VERSION), "UnsupportedVersion") == 0);
    CHECK(strcmp(oxmcp_result_name(OXMCP_INTERNAL), "Internal") == 0);
    CHECK(strcmp(oxmcp_result_name((oxmcp_result)4000), "Unknown") == 0);
    CHECK(strlen(oxmcp_version()) >= strlen("0.0.0"));
}

const struct check_test misuse_tests[] = {
    {"NULL handles are refused", null_handles_are_refused},
    {"NULL gives the empty answer", null_gives_the_empty_answer},
    {"errors may be unwanted", errors_may_be_unwanted},
    {"options that make no sense are refused", options_that_make_no_sense_are_refused},
    {"options of other ages are understood", options_of_other_ages_are_understood},
    {"tools that make no sense are refused", tools_that_make_no_sense_are_refused},
    {"arguments that are no object are refused", arguments_that_are_no_object_are_refused},
    {"a closed client is told", a_closed_client_is_told},
    {"a closed server is told", a_closed_server_is_told},
    {"use after fork is refused", use_after_fork_is_refused},
    {"results have names", results_have_names},
    {NULL, NULL},
};
