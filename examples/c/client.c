/* Calls a tool of any MCP server. Usage: client TOOL ARGUMENTS URL | COMMAND [ARGS...] */

#include <math.h>
#include <oxmcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static oxmcp_result run(int argc, char **argv, oxmcp_client **client, oxmcp_json **tools, oxmcp_json **result,
                        oxmcp_error **error);
static void print_server(const oxmcp_client *client);
static void print_tools(const oxmcp_json *tools);
static void print_progress(void *userdata, double progress, double total, const char *message);

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: client TOOL ARGUMENTS URL | COMMAND [ARGS...]\n");
        return 1;
    }
    oxmcp_client *client = NULL;
    oxmcp_json *tools = NULL;
    oxmcp_json *result = NULL;
    oxmcp_error *error = NULL;
    int code = 1;

    if (run(argc, argv, &client, &tools, &result, &error) != OXMCP_OK)
        fprintf(stderr, "%s\n", oxmcp_error_message(error));
    else if (oxmcp_tool_result_is_error(result))
        fprintf(stderr, "%s failed: %s\n", argv[1], oxmcp_tool_result_text(result).data);
    else
        code = 0;

    oxmcp_error_free(error);
    oxmcp_json_free(result);
    oxmcp_json_free(tools);
    oxmcp_client_free(client);
    return code;
}

static oxmcp_result run(int argc, char **argv, oxmcp_client **client, oxmcp_json **tools, oxmcp_json **result,
                        oxmcp_error **error)
{
    (void)argc;
    oxmcp_client_options options = {.size = sizeof options};
    if (strncmp(argv[3], "http", 4) == 0) {
        options.url = argv[3];
    } else {
        options.command = argv[3];
        options.args = (const char *const *)argv + 4;
    }
    oxmcp_result connected = oxmcp_client_connect(&options, client, error);
    if (connected != OXMCP_OK)
        return connected;
    print_server(*client);

    oxmcp_result listed = oxmcp_client_list_tools(*client, NULL, tools, error);
    if (listed != OXMCP_OK)
        return listed;
    print_tools(*tools);

    oxmcp_call_options call = {.size = sizeof call, .progress = print_progress};
    oxmcp_result called = oxmcp_client_call_tool(*client, argv[1], argv[2], &call, result, error);
    if (called != OXMCP_OK)
        return called;
    if (!oxmcp_tool_result_is_error(*result) && oxmcp_tool_result_text(*result).data)
        printf("%s\n", oxmcp_tool_result_text(*result).data);
    return oxmcp_client_close(*client, error);
}

static void print_server(const oxmcp_client *client)
{
    oxmcp_str name = {"?", 1}, version = {"?", 1}, revision = {"?", 1};
    const oxmcp_json *info = oxmcp_client_info(client);
    oxmcp_json_string(info, "/serverInfo/name", &name);
    oxmcp_json_string(info, "/serverInfo/version", &version);
    oxmcp_json_string(info, "/protocolVersion", &revision);
    printf("server: %s %s, revision %s\n", name.data, version.data, revision.data);
}

static void print_tools(const oxmcp_json *tools)
{
    printf("tools:");
    for (size_t i = 0; i < oxmcp_json_count(tools, "/tools"); i++) {
        char place[40];
        oxmcp_str name;
        snprintf(place, sizeof place, "/tools/%zu/name", i);
        if (oxmcp_json_string(tools, place, &name))
            printf("%s %s", i > 0 ? "," : "", name.data);
    }
    printf("\n");
}

static void print_progress(void *userdata, double progress, double total, const char *message)
{
    (void)userdata;
    printf("progress: %g/", progress);
    if (isnan(total))
        printf("?");
    else
        printf("%g", total);
    printf(" %s\n", message ? message : "");
}
