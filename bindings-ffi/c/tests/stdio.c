/* A server in a child process. */

#define _DEFAULT_SOURCE

#include "check.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static oxmcp_client *connect_with(oxmcp_client_options options)
{
    oxmcp_client *client = NULL;
    oxmcp_error *error = NULL;
    options.size = sizeof options;
    options.command = check_program("peer-server");
    options.quiet = true;
    options.client_name = "tests";
    options.client_version = "1.0.0";
    CHECK_OK(oxmcp_client_connect(&options, &client, &error));
    return client;
}

static void call(const oxmcp_client *client, const char *tool, const char *arguments, const char *expected)
{
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    if (CHECK_OK(oxmcp_client_call_tool(client, tool, arguments, NULL, &result, &error)))
        CHECK_TEXT(oxmcp_tool_result_text(result), expected);
    oxmcp_json_free(result);
}

static void a_child_says_who_it_is(void)
{
    oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
    const oxmcp_json *info = oxmcp_client_info(client);
    oxmcp_str text = {NULL, 0};
    CHECK(oxmcp_json_string(info, "/serverInfo/name", &text));
    CHECK_TEXT(text, "peer");
    CHECK(oxmcp_json_string(info, "/serverInfo/version", &text));
    CHECK_TEXT(text, "1.2.3");
    CHECK(oxmcp_json_string(info, "/instructions", &text));
    CHECK_TEXT(text, "Call its tools.");
    CHECK(oxmcp_json_string(info, "/protocolVersion", &text));
    CHECK_TEXT(text, "2026-07-28");
    oxmcp_client_free(client);
}

static void every_revision_can_be_asked_for(void)
{
    static const char *const revisions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"};
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        oxmcp_client *client = connect_with((oxmcp_client_options){.protocol_version = revisions[i]});
        oxmcp_error *error = NULL;
        oxmcp_str text = {NULL, 0};
        CHECK(oxmcp_json_string(oxmcp_client_info(client), "/protocolVersion", &text));
        CHECK_TEXT(text, revisions[i]);
        call(client, "echo", "{\"text\":\"in any revision\"}", "in any revision");
        CHECK_OK(oxmcp_client_ping(client, NULL, &error));
        oxmcp_client_free(client);
    }
}

static void tools_are_listed_whole_and_by_page(void)
{
    oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
    oxmcp_error *error = NULL;
    oxmcp_json *tools = NULL;
    oxmcp_str text = {NULL, 0};
    if (CHECK_OK(oxmcp_client_list_tools(client, NULL, &tools, &error))) {
        CHECK(oxmcp_json_count(tools, "/tools") == 11);
        CHECK(oxmcp_json_string(tools, "/tools/0/name", &text));
        CHECK_TEXT(text, "echo");
        CHECK(oxmcp_json_string(tools, "/tools/0/inputSchema/properties/text/type", &text));
        CHECK_TEXT(text, "string");
        CHECK(oxmcp_json_string(tools, "/tools/10/name", &text));
        CHECK_TEXT(text, "die");
    }
    oxmcp_json_free(tools);

    size_t listed = 0, pages = 0;
    char *cursor = NULL;
    do {
        oxmcp_json *page = NULL;
        if (!CHECK_OK(oxmcp_client_list_tools_page(client, cursor, NULL, &page, &error)))
            break;
        listed += oxmcp_json_count(page, "/tools");
        pages++;
        free(cursor);
        cursor = oxmcp_json_string(page, "/nextCursor", &text) ? strdup(text.data) : NULL;
        oxmcp_json_free(page);
    } while (cursor && CHECK(pages < 10));
    free(cursor);
    CHECK(listed == 11);
    CHECK(pages == 3);
    oxmcp_client_free(client);
}

static void results_of_every_kind_come_back(void)
{
    oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    int64_t integer = 0;

    call(client, "echo", "{\"text\":\"\\u00e9, \\ud83d\\ude00 and \\\"quotes\\\"\"}", "\xc3\xa9, \xf0\x9f\x98\x80 and \"quotes\"");
    call(client, "echo", "{\"text\":\"\"}", "");

    if (CHECK_OK(oxmcp_client_call_tool(client, "structured", NULL, NULL, &result, &error))) {
        CHECK_TEXT(oxmcp_tool_result_text(result), "the answer\nis 42");
        CHECK(oxmcp_json_integer(result, "/structuredContent/answer", &integer) && integer == 42);
        CHECK(!oxmcp_tool_result_is_error(result));
    }
    oxmcp_json_free(result);
    result = NULL;

    if (CHECK_OK(oxmcp_client_call_tool(client, "fail", "{}", NULL, &result, &error))) {
        CHECK_TEXT(oxmcp_tool_result_text(result), "this tool always fails");
        CHECK(oxmcp_tool_result_is_error(result));
    }
    oxmcp_json_free(result);
    oxmcp_client_free(client);
}

static void the_peers_errors_are_told_whole(void)
{
    oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    int64_t code = 0;
    oxmcp_str text = {NULL, 0};

    CHECK(oxmcp_client_call_tool(client, "refuse", NULL, NULL, &result, &error) == OXMCP_RPC);
    CHECK(oxmcp_error_kind(error) == OXMCP_RPC);
    CHECK(strstr(oxmcp_error_message(error), "refused"));
    CHECK(oxmcp_error_code(error, &code) && code == -32000);
    CHECK(oxmcp_json_string(oxmcp_error_data(error), "/why", &text));
    CHECK_TEXT(text, "because");
    oxmcp_error_free(error);
    error = NULL;

    CHECK(oxmcp_client_call_tool(client, "unknown", NULL, NULL, &result, &error) == OXMCP_RPC);
    CHECK(oxmcp_error_code(error, &code) && code == -32602);
    CHECK(strstr(oxmcp_error_message(error), "unknown"));
    oxmcp_error_free(error);
    error = NULL;

    CHECK_RESULT(oxmcp_client_call_tool(client, "wrong", NULL, NULL, &result, &error), OXMCP_RPC);
    CHECK_RESULT(oxmcp_client_call_tool(client, "mute", NULL, NULL, &result, &error), OXMCP_RPC);
    CHECK(!result);
    call(client, "echo", "{\"text\":\"still there\"}", "still there");
    oxmcp_client_free(client);
}

static void arguments_are_checked_before_the_handler(void)
{
    oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
    static const char *const arguments[] = {"{\"text\":7}", "{}", NULL};
    for (size_t i = 0; i < 3; i++) {
        oxmcp_error *error = NULL;
        oxmcp_json *result = NULL;
        oxmcp_result called = oxmcp_client_call_tool(client, "echo", arguments[i], NULL, &result, &error);
        CHECK(called == OXMCP_RPC || oxmcp_tool_result_is_error(result));
        oxmcp_error_free(error);
        oxmcp_json_free(result);
    }
    oxmcp_client_free(client);
}

struct reports {
    int count;
    pthread_t thread;
    bool right;
};

static void note(void *userdata, double progress, double total, const char *message)
{
    struct reports *reports = userdata;
    int number = ++reports->count;
    reports->right = reports->right && progress == number && pthread_equal(pthread_self(), reports->thread) &&
                     (number % 2 == 1 ? total == 5 && strcmp(message, "odd") == 0 : isnan(total) && !message);
}

static void progress_comes_on_the_calling_thread(void)
{
    oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    struct reports reports = {.thread = pthread_self(), .right = true};
    oxmcp_call_options options = {.size = sizeof options, .progress = note, .userdata = &reports};
    if (CHECK_OK(oxmcp_client_call_tool(client, "count", "{\"to\":5}", &options, &result, &error)))
        CHECK_TEXT(oxmcp_tool_result_text(result), "counted");
    CHECK(reports.count == 5);
    CHECK(reports.right);
    oxmcp_json_free(result);
    oxmcp_client_free(client);
}

static void a_child_gets_its_environment_and_arguments(void)
{
    const char *env[] = {"OXMCP_TEST=a=b", "OXMCP_EMPTY=", NULL};
    oxmcp_client *client = connect_with((oxmcp_client_options){.env = env, .cwd = "/"});
    call(client, "variable", "{\"name\":\"OXMCP_TEST\"}", "a=b");
    call(client, "variable", "{\"name\":\"OXMCP_EMPTY\"}", "");
    call(client, "variable", "{\"name\":\"HOME\"}", getenv("HOME") ? getenv("HOME") : "");
    oxmcp_client_free(client);
}

static void closing_ends_the_child(void)
{
    oxmcp_client_free(connect_with((oxmcp_client_options){.size = 0}));
    CHECK(check_children_fall_to(0));
    int descriptors = check_descriptors();
    for (int i = 0; i < 3; i++) {
        oxmcp_client *client = connect_with((oxmcp_client_options){.size = 0});
        oxmcp_error *error = NULL;
        oxmcp_json *result = NULL;
        pid_t child = 0;
        if (CHECK_OK(oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error)))
            child = (pid_t)atol(oxmcp_tool_result_text(result).data);
        oxmcp_json_free(result);
        CHECK(child > 0 && kill(child, 0) == 0);
        if (i > 0) /* Freeing alone does too, a little later. */
            CHECK_OK(oxmcp_client_close(client, &error));
        CHECK(i == 0 || kill(child, 0) == -1);
        oxmcp_client_free(client);
    }
    CHECK(check_children_fall_to(0));
    CHECK(check_descriptors_fall_to(descriptors));
}

const struct check_test stdio_tests[] = {
    {"a child says who it is", a_child_says_who_it_is},
    {"every revision can be asked for", every_revision_can_be_asked_for},
    {"tools are listed whole and by page", tools_are_listed_whole_and_by_page},
    {"results of every kind come back", results_of_every_kind_come_back},
    {"the peer's errors are told whole", the_peers_errors_are_told_whole},
    {"arguments are checked before the handler", arguments_are_checked_before_the_handler},
    {"progress comes on the calling thread", progress_comes_on_the_calling_thread},
    {"a child gets its environment and arguments", a_child_gets_its_environment_and_arguments},
    {"closing ends the child", closing_ends_the_child},
    {NULL, NULL},
};
