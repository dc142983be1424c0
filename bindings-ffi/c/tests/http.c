/* A server of this process over HTTP. */

#include "check.h"
#include "tools.h"

#include <stdio.h>
#include <string.h>

/* Listens at a free port and puts the address into `url`. */
static bool listen_at(const struct host *host, char *url, size_t size)
{
    oxmcp_http_options options = {.size = sizeof options, .path = "/tools"};
    oxmcp_error *error = NULL;
    oxmcp_json *address = NULL;
    oxmcp_str text = {"", 0};
    int64_t port = 0;
    if (!CHECK_OK(oxmcp_server_listen_http(host->server, &options, &address, &error)))
        return false;
    CHECK(oxmcp_json_string(address, "/host", &text));
    CHECK_TEXT(text, "127.0.0.1");
    CHECK(oxmcp_json_integer(address, "/port", &port) && port > 0);
    CHECK(oxmcp_json_string(address, "/url", &text));
    snprintf(url, size, "%s", text.data);
    oxmcp_json_free(address);
    return true;
}

static void tools_are_called_in_every_revision(void)
{
    static const char *const revisions[] = {NULL, "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"};
    struct host host;
    char url[100];
    if (!CHECK(host_start(&host, 1)) || !listen_at(&host, url, sizeof url))
        return;
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        const char *headers[] = {"X-Test: anything", "X-Other:more", NULL};
        oxmcp_client_options options = {
            .size = sizeof options, .url = url, .headers = headers, .protocol_version = revisions[i]};
        oxmcp_error *error = NULL;
        oxmcp_client *client = NULL;
        oxmcp_json *result = NULL;
        oxmcp_str text = {NULL, 0};
        if (!CHECK_OK(oxmcp_client_connect(&options, &client, &error)))
            continue;
        CHECK(oxmcp_json_string(oxmcp_client_info(client), "/protocolVersion", &text));
        CHECK_TEXT(text, revisions[i] ? revisions[i] : "2026-07-28");
        if (CHECK_OK(oxmcp_client_call_tool(client, "echo", "{\"text\":\"over HTTP\"}", NULL, &result, &error)))
            CHECK_TEXT(oxmcp_tool_result_text(result), "over HTTP");
        oxmcp_json_free(result);
        CHECK_OK(oxmcp_client_ping(client, NULL, &error));
        CHECK_OK(oxmcp_client_close(client, &error));
        oxmcp_client_free(client);
    }
    host_stop(&host);
}

static void count_reports(void *userdata, double progress, double total, const char *message)
{
    (void)progress, (void)total, (void)message;
    ++*(int *)userdata;
}

static void progress_comes_over_http(void)
{
    struct host host;
    char url[100];
    if (!CHECK(host_start(&host, 1)) || !listen_at(&host, url, sizeof url))
        return;
    oxmcp_client_options to = {.size = sizeof to, .url = url};
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    int reports = 0;
    oxmcp_call_options options = {.size = sizeof options, .progress = count_reports, .userdata = &reports};
    if (CHECK_OK(oxmcp_client_connect(&to, &client, &error)))
        CHECK_OK(oxmcp_client_call_tool(client, "count", "{\"to\":10}", &options, &result, &error));
    CHECK(reports == 10);
    oxmcp_json_free(result);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void nobody_listening_is_told(void)
{
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    char url[100];
    unsigned port = 0;
    int held = check_hold_port(&port);
    CHECK(held >= 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", port);
    oxmcp_client_options to = {.size = sizeof to, .url = url};
    CHECK_RESULT(oxmcp_client_connect(&to, &client, &error), OXMCP_CONNECT);
    CHECK(!client);
    check_release(held);
}

static void a_port_in_use_and_an_open_address_are_refused(void)
{
    struct host host;
    char url[100];
    if (!CHECK(host_start(&host, 1)) || !listen_at(&host, url, sizeof url))
        return;
    oxmcp_error *error = NULL;
    unsigned port = 0;
    CHECK(sscanf(url, "http://127.0.0.1:%u/tools", &port) == 1);
    oxmcp_http_options taken = {.size = sizeof taken, .port = (uint16_t)port};
    CHECK_RESULT(oxmcp_server_listen_http(host.server, &taken, NULL, &error), OXMCP_CONNECT);
    oxmcp_http_options open = {.size = sizeof open, .host = "0.0.0.0"};
    CHECK_RESULT(oxmcp_server_listen_http(host.server, &open, NULL, &error), OXMCP_MISUSE);
    host_stop(&host);
}

/* Connects to a server, closes it, takes its port and calls it. False when another process had the port before us. */
static bool the_port_is_free_after_closing(void)
{
    struct host host;
    char url[100];
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_json *result = NULL;
    unsigned port = 0;
    if (!CHECK(host_start(&host, 1)) || !listen_at(&host, url, sizeof url))
        return true;
    CHECK(sscanf(url, "http://127.0.0.1:%u/tools", &port) == 1);
    oxmcp_client_options to = {.size = sizeof to, .url = url};
    CHECK_OK(oxmcp_client_connect(&to, &client, &error));
    CHECK_OK(oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error));
    oxmcp_json_free(result);
    result = NULL;
    host_stop(&host);
    int held = check_hold_port(&port);
    if (held >= 0) {
        oxmcp_result called = oxmcp_client_call_tool(client, "pid", NULL, NULL, &result, &error);
        CHECK(called == OXMCP_CONNECT || called == OXMCP_CLOSED);
        CHECK(!result);
        oxmcp_error_free(error);
    }
    check_release(held);
    oxmcp_client_free(client);
    return held >= 0;
}

static void closing_the_server_frees_the_port(void)
{
    int tries = 1;
    while (!the_port_is_free_after_closing() && CHECK(tries < 10))
        tries++;
}

const struct check_test http_tests[] = {
    {"tools are called in every revision", tools_are_called_in_every_revision},
    {"progress comes over HTTP", progress_comes_over_http},
    {"nobody listening is told", nobody_listening_is_told},
    {"a port in use and an open address are refused", a_port_in_use_and_an_open_address_are_refused},
    {"closing the server frees the port", closing_the_server_frees_the_port},
    {NULL, NULL},
};
